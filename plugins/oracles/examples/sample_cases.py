"""Prints cases for `assay serve sample`: gold patches, one that doesn't apply, and a completion without any."""

import json
import pathlib

ROWS = pathlib.Path(__file__).parents[3] / "datasets" / "sample" / "instances.jsonl"
rows = {row["instance_id"]: row for row in map(json.loads, ROWS.read_text(encoding="utf-8").splitlines())}
python, javascript = "assay-sample__pennybook-1", "assay-sample__tempo-1"


def case(instance_id: str, completion: str, reward: float) -> dict:
    return {"instance_id": instance_id, "completion": completion, "reward": reward}


def fenced(patch: str) -> str:
    return f"Here is the fix.\n```diff\n{patch}```\n"


cases = [
    case(python, fenced(rows[python]["patch"]), 1.0),
    case(javascript, fenced(rows[javascript]["patch"]), 1.0),
    case(python, fenced(rows[javascript]["patch"]), 0.0),
    case(javascript, "I can't fix it.", 0.0),
]
print(json.dumps(cases, indent=1))
