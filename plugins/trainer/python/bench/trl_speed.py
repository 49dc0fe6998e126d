"""Tokens a CPU second of a training step against TRL's, same model and batch, on CPU, in turns.

    python bench/trl_speed.py [--repeats 5] [--only "small"]

TRL: `GRPOTrainer._compute_loss` (its own code, as in tests/test_parity.py), backward, clipping, AdamW; what else its trainer
does is left out; CPU time of one thread, which other work on the machine disturbs less. Ours: `accumulate` from a batch file, and `step`. Tokens are those of the sequences, without padding.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import common  # noqa: F401  (paths)
import torch
from helpers import POLICY, Inside, write_tokenizer
from test_parity import trl_loss, weights_of

MODELS = {
    "small vocabulary": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "vocab_size": 4096},
    "vocabulary of 152k": {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "vocab_size": 151936},
}
# Prompt and completion of each row; how much of a completion has a weight (the rest: answers of tools).
BATCHES: dict[str, tuple[list[tuple[int, int]], float]] = {
    "same lengths, all of the completion": ([(64, 448)] * 8, 1.0),
    "many lengths, half of it": ([(64, 64 + 56 * n) for n in range(8)], 0.5),
}


def rows(shape: list[tuple[int, int]], share: float, vocabulary: int) -> Any:
    """Padded rows, as `Padded` of the parity tests has them."""
    from test_parity import Padded

    generator = torch.Generator().manual_seed(0)
    padded = object.__new__(Padded)
    width, longest = max(p for p, _ in shape), max(c for _, c in shape)
    padded.prompt_ids = torch.randint(0, vocabulary, (len(shape), width), generator=generator)
    padded.prompt_mask = torch.stack([(torch.arange(width) >= width - p).long() for p, _ in shape])
    padded.completion_ids = torch.randint(0, vocabulary, (len(shape), longest), generator=generator)
    padded.completion_mask = torch.stack([(torch.arange(longest) < c).long() for _, c in shape])
    # Turns of 32 tokens.
    turns = (torch.arange(longest) % 32 < 32 * share).long()
    padded.tool_mask = turns[None].expand(len(shape), -1)
    padded.mask = padded.completion_mask * padded.tool_mask
    padded.advantages = torch.randn(len(shape), generator=generator)
    padded.old = -8.0 + 0.1 * torch.randn(len(shape), longest, generator=generator)
    return padded


def ours(padded: Any, shape: list[tuple[int, int]]) -> dict[str, torch.Tensor]:
    """The same as a batch file's tensors."""
    width = padded.prompt_ids.shape[1]
    weights, _ = weights_of("dapo", padded)
    ids = [torch.cat([padded.prompt_ids[r, width - p :], padded.completion_ids[r, :c]]) for r, (p, c) in enumerate(shape)]
    batch = {"input_ids": torch.cat(ids).int(), "cu_seqlens": torch.tensor([0, *(len(i) for i in ids)]).cumsum(0).int()}
    streams = {"weights": weights, "advantages": padded.advantages[:, None].expand(weights.shape), "old_logprobs": padded.old}
    for name, values in streams.items():
        batch[name] = torch.cat([torch.cat([torch.zeros(p), values[r, :c]]) for r, (p, c) in enumerate(shape)])
    return batch


def timed(action: Callable[[], None]) -> float:
    started = time.process_time()
    action()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="models whose name has this in it")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    tokenizer = write_tokenizer(folder / "tokenizer")
    for model_name, sizes in MODELS.items():
        if options.only not in model_name:
            continue
        config = {"model_type": "qwen2", "num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 4096, **sizes}
        for batch_name, (shape, share) in BATCHES.items():
            # Both compute four rows of the longest at once.
            tokens = 4 * max(p + c for p, c in shape)
            inside = Inside(folder, tokenizer, model={"config": config, "tokenizer": str(tokenizer)}, micro_batch_tokens=tokens)
            padded = rows(shape, share, sizes["vocab_size"])
            batch = ours(padded, shape)
            loss = {**POLICY, "normalizer": float(padded.mask.sum())}
            theirs = copy.deepcopy(inside.model)
            optimizer = torch.optim.AdamW(theirs.parameters(), lr=1e-6, fused=True)
            halves = [part(padded, slice(0, 4)), part(padded, slice(4, 8))]

            def step_of_trl() -> None:
                for half in halves:
                    trl_loss(theirs, "dapo", half, loss).backward()
                torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()

            def our_step() -> None:
                inside.accumulate(batch, loss)
                inside.change("step", learning_rate=1e-6, gradient_clip=1.0)

            times: dict[str, list[float]] = {"trl": [], "ours": []}
            step_of_trl()
            our_step()
            for _ in range(options.repeats):
                times["trl"].append(timed(step_of_trl))
                times["ours"].append(timed(our_step))
            count = len(batch["input_ids"])
            speed = {name: count / statistics.median(seconds) for name, seconds in times.items()}
            ratios = [a / b for a, b in zip(times["trl"], times["ours"])]
            print(
                f"{model_name}; {batch_name}: TRL {speed['trl']:.0f} tokens/s, ours {speed['ours']:.0f} tokens/s, "
                f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} pairs)",
                flush=True,
            )


def part(padded: Any, which: slice) -> Any:
    """Some of the rows, cut to what they need, as TRL's data loader gives them; the normaliser stays that of all."""
    half = copy.copy(padded)
    width = int(padded.prompt_mask[which].sum(1).max())
    longest = int(padded.completion_mask[which].sum(1).max())
    for name in ("prompt_ids", "prompt_mask"):
        setattr(half, name, getattr(padded, name)[which, -width:])
    for name in ("completion_ids", "completion_mask", "tool_mask", "mask", "old"):
        setattr(half, name, getattr(padded, name)[which, :longest])
    half.advantages = padded.advantages[which]
    half.rollout = half.old
    return half


if __name__ == "__main__":
    main()
