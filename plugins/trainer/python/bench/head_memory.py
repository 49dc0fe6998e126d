"""Peak memory of the chunked head against the plain one, forward and backward, each in a process of its own.

    python bench/head_memory.py [--tokens 8192] [--vocabulary 152064] [--width 64]

The plain head takes some 15 GB at the sizes that issue 7 names.
"""

from __future__ import annotations

import argparse
import json
import time

from common import in_child, peak_mib


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--vocabulary", type=int, default=152064)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--kind", choices=("none", "plain", "chunked"))
    options = parser.parse_args()
    if options.kind:
        measure(options)
        return
    sizes = ["--tokens", str(options.tokens), "--vocabulary", str(options.vocabulary), "--width", str(options.width)]
    found = {kind: in_child(__file__, *sizes, "--kind", kind) for kind in ("none", "chunked", "plain")}
    base = found["none"]["peak_mib"]
    for kind in ("plain", "chunked"):
        print(f"{kind:8} {found[kind]['peak_mib'] - base:9.0f} MiB above imports and inputs, {found[kind]['seconds']:6.1f} s")
    ratio = (found["chunked"]["peak_mib"] - base) / (found["plain"]["peak_mib"] - base)
    whole = found["chunked"]["peak_mib"] / found["plain"]["peak_mib"]
    print(f"chunked / plain: 1/{1 / ratio:.1f} (whole processes: 1/{1 / whole:.1f}); wanted: at most 1/8")
    print(f"largest difference of log-probabilities: {abs(found['plain']['sum'] - found['chunked']['sum']) / options.tokens:.2g} per token")


def measure(options: argparse.Namespace) -> None:
    import torch
    from assay_trainer.head import token_logprobs

    torch.manual_seed(0)
    hidden = torch.randn(options.tokens, options.width, requires_grad=True)
    weight = (torch.randn(options.vocabulary, options.width) / options.width**0.5).requires_grad_()
    targets = torch.randint(0, options.vocabulary, (options.tokens,))
    started = time.process_time()
    total = torch.zeros(())
    if options.kind == "plain":
        total = -torch.nn.functional.cross_entropy(hidden @ weight.t(), targets, reduction="sum")
    elif options.kind == "chunked":
        total = token_logprobs(hidden, weight, targets)[0].sum()
    if options.kind != "none":
        total.backward()
    print(json.dumps({"peak_mib": peak_mib(), "seconds": time.process_time() - started, "sum": total.item()}))


if __name__ == "__main__":
    main()
