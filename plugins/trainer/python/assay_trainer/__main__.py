"""`python -m assay_trainer`: requests on standard input, one JSON object a line; answers on standard output."""

from __future__ import annotations

import argparse
import json
import os
import sys

import torch
from transformers.utils import logging

from . import parallel
from .protocol import Protocol


def main() -> int:
    """Serves until `stop` or the end of the input."""
    parser = argparse.ArgumentParser(prog="python -m assay_trainer", description=__doc__)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--context-parallel", type=int, default=1, help="processes that share each sequence")
    arguments = parser.parse_args()
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.disable_progress_bar()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    place = parallel.start(arguments.device, arguments.context_parallel)
    protocol = Protocol(place)
    while not protocol.stopped:
        line = parallel.share_line(place, (sys.stdin.buffer.readline() or None) if place.first else None)
        if line is None:
            break
        if line.strip():
            answer = protocol.answer(line)
            if place.first:
                answers.write(json.dumps(answer, allow_nan=False) + "\n")
                answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
