"""What the benchmarks share."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def in_child(script: str, *arguments: str) -> dict[str, Any]:
    """What a benchmark's own process measures: the last line that it prints, as JSON."""
    done = subprocess.run([sys.executable, script, *arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peak_mib() -> float:
    """Largest resident memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
