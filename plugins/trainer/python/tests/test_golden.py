"""The losses find what the TypeScript fake trainer finds: a bigram with gradients by hand (tests/trainer/fake-losses.ts, golden.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from assay_trainer.batch import Batch, finite_tokens
from assay_trainer.losses import COUNTS, CrossEntropy, Loss, Policy, Tokens, as_answer, loss_and_sums

GOLDEN = json.loads((Path(__file__).resolve().parents[4] / "tests" / "trainer" / "golden.json").read_text(encoding="utf-8"))
SNAKE = {
    "clippedLow": "clipped_low",
    "clippedHigh": "clipped_high",
    "clippedDual": "clipped_dual",
    "klOld": "kl_old",
    "mismatchKl": "mismatch_kl",
    "mismatchAbs": "mismatch_abs",
    "mismatchTokens": "mismatch_tokens",
    "tisCapped": "tis_capped",
    "nonFinite": "non_finite",
}


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_losses_sums_and_gradients_are_those_of_the_fake_trainer(case: dict[str, Any]) -> None:
    loss = loss_of(case["loss"])
    batch = batch_of(case["batch"])
    logits = numbers(GOLDEN["logits"]).view(GOLDEN["vocabulary"], -1).requires_grad_()
    wanted, left_out = finite_tokens(batch, isinstance(loss, Policy))
    rows = logits.log_softmax(-1)[batch.input_ids.roll(1)]
    logprobs = rows.gather(1, batch.input_ids[:, None])[:, 0]
    entropies = -(rows.exp() * rows).sum(-1)
    value, sums = loss_and_sums(loss, tokens_of(batch, wanted), logprobs[wanted], entropies.detach()[wanted])
    value.backward()
    found = as_answer({name: float(number) for name, number in sums.items()} | {"non_finite": float(left_out)})
    for name, expected in case["sums"].items():
        name = SNAKE.get(name, name)
        assert found[name] == (expected if name in COUNTS else pytest.approx(expected, rel=1e-9, abs=1e-12)), name
    torch.testing.assert_close(logits.grad.flatten(), numbers(case["gradient"]), rtol=1e-9, atol=1e-12)


def numbers(values: list[float | None]) -> torch.Tensor:
    """In float64, as they were found; JSON has no NaN."""
    return torch.tensor([float("nan") if value is None else value for value in values], dtype=torch.float64)


def loss_of(loss: dict[str, Any]) -> Loss:
    if loss["kind"] == "cross_entropy":
        return CrossEntropy(loss["normalizer"])
    return Policy(
        loss["normalizer"],
        loss["clipLow"],
        loss["clipHigh"],
        loss["ratioLevel"],
        loss["surrogate"],
        loss.get("dualClip"),
        loss.get("tisCap"),
    )


def batch_of(sequences: list[dict[str, Any]]) -> Batch:
    def joined(name: str) -> torch.Tensor:
        return numbers([value for sequence in sequences for value in sequence[name]])

    bounds = [0]
    for sequence in sequences:
        bounds.append(bounds[-1] + len(sequence["tokens"]))
    ids = torch.tensor([token for sequence in sequences for token in sequence["tokens"]])
    return Batch(ids, tuple(bounds), joined("weights"), joined("advantages"), joined("oldLogprobs"), joined("rolloutLogprobs"))


def tokens_of(batch: Batch, wanted: torch.Tensor) -> Tokens:
    lengths = torch.tensor(batch.bounds).diff()
    owner = torch.arange(batch.sequences).repeat_interleave(lengths)
    return Tokens(
        batch.weights[wanted],
        owner[wanted],
        batch.sequences,
        batch.advantages[wanted],
        batch.old_logprobs[wanted],
        batch.rollout_logprobs[wanted],
    )
