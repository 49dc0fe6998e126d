"""Cost of a training step and of scoring against the length of a sequence, 1k to 16k tokens, on CPU.

    python bench/length.py [--longest 16384] [--no-checkpointing]

Each length in a process of its own: CPU seconds of one thread for a token, and the largest resident memory.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from common import in_child, peak_mib

CONFIG = {
    "model_type": "qwen2",
    "hidden_size": 256,
    "intermediate_size": 768,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 4096,
    "max_position_embeddings": 1 << 17,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=int, default=16384)
    parser.add_argument("--no-checkpointing", action="store_true")
    parser.add_argument("--length", type=int)
    options = parser.parse_args()
    if options.length:
        measure(options.length, not options.no_checkpointing)
        return
    first = None
    length = 1024
    print("tokens  accumulate + step  log-probabilities  peak memory")
    while length <= options.longest:
        extra = ["--no-checkpointing"] if options.no_checkpointing else []
        found = in_child(__file__, "--length", str(length), *extra)
        first = first or found
        train, score = (found[name] / length * 1e3 for name in ("train", "score"))
        print(f"{length:6} {train:9.2f} ms/token {score:11.2f} ms/token {found['peak_mib']:9.0f} MiB", end="")
        print(f"   x{found['train'] / first['train']:.1f} the time of {1024} tokens", flush=True)
        length *= 2


def measure(length: int, checkpointing: bool) -> None:
    import torch
    from helpers import POLICY, Inside, random_batch, write_tokenizer

    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    tokenizer = write_tokenizer(folder / "tokenizer")
    model = {"config": CONFIG, "tokenizer": str(tokenizer)}
    inside = Inside(folder, tokenizer, model=model, micro_batch_tokens=length, checkpointing=checkpointing)
    batch = random_batch([length], masked=0.5)
    warm = random_batch([64])
    inside.accumulate(warm, POLICY)
    inside.change("step", learning_rate=0.0, gradient_clip=1.0)
    started = time.process_time()
    inside.accumulate(batch, POLICY)
    inside.change("step", learning_rate=1e-6, gradient_clip=1.0)
    trained = time.process_time()
    inside.logprobs(batch)
    print(json.dumps({"train": trained - started, "score": time.process_time() - trained, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
