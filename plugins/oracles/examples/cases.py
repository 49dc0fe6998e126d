"""What the examples have scored: completions with the reward that each must get; None is "can't be scored".

By default the instances of `python/tests/fake_service.py`; ASSAY_CASES names a JSON file of others, for a real service.
"""

import json
import os
from dataclasses import dataclass
from typing import Optional

DIFF = (
    "Here is the fix.\n```diff\ndiff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n```\n"
)


@dataclass(frozen=True)
class Case:
    instance_id: str
    completion: str
    reward: Optional[float]


FAKE = [
    Case("resolved", DIFF, 1.0),
    Case("unresolved", DIFF, 0.0),
    Case("resolved", "I can't fix it.", 0.0),
    Case("ours", DIFF, None),
]


def cases() -> list[Case]:
    path = os.environ.get("ASSAY_CASES")
    if path is None:
        return FAKE
    with open(path, encoding="utf-8") as file:
        return [Case(**case) for case in json.load(file)]
