"""The losses, and the sums that describe a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

# Beyond it a ratio says nothing but that something is wrong, and its exponential overflows.
LOG_RATIO_LIMIT = 20.0

SUMS = (
    "loss",
    "tokens",
    "entropy",
    "ratio",
    "clipped_low",
    "clipped_high",
    "clipped_dual",
    "kl_old",
    "mismatch_kl",
    "mismatch_abs",
    "mismatch_tokens",
    "tis_capped",
    "non_finite",
)
COUNTS = frozenset({"tokens", "clipped_low", "clipped_high", "clipped_dual", "mismatch_tokens", "tis_capped", "non_finite"})


@dataclass(frozen=True)
class CrossEntropy:
    """Sum of -weight x log p, divided by the normaliser."""

    normalizer: float


@dataclass(frozen=True)
class Policy:
    """Clipped policy loss; fields as in trainer.ts."""

    normalizer: float
    clip_low: float
    clip_high: float
    ratio_level: str
    surrogate: str
    dual_clip: float | None = None
    tis_cap: float | None = None


Loss = CrossEntropy | Policy


@dataclass(frozen=True)
class Tokens:
    """What came with the tokens of a loss, each [N]; `sequence` is the number of a token's sequence, 0 to `sequences` - 1."""

    weights: torch.Tensor
    sequence: torch.Tensor
    sequences: int
    advantages: torch.Tensor | None = None
    old: torch.Tensor | None = None
    rollout: torch.Tensor | None = None


def loss_and_sums(
    loss: Loss, tokens: Tokens, logprobs: torch.Tensor, entropies: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The loss of some tokens (a scalar with a gradient), and the sums of trainer.ts over them (float64, no gradient)."""
    if isinstance(loss, CrossEntropy):
        value = -(tokens.weights * logprobs).sum() / loss.normalizer
        return value, {"loss": value.detach().double(), "tokens": _count(tokens.weights), "entropy": entropies.double().sum()}
    return _policy(loss, tokens, logprobs, entropies)


def _policy(
    loss: Policy, tokens: Tokens, logprobs: torch.Tensor, entropies: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    advantages, old = tokens.advantages, tokens.old
    if advantages is None or old is None:
        raise ValueError("a policy loss needs advantages and old log-probabilities")
    log_ratio = (logprobs - old).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    ratio = _ratios(loss.ratio_level, log_ratio, tokens).exp()
    low, high = 1.0 - loss.clip_low, 1.0 + loss.clip_high
    if loss.surrogate == "cispo":
        objective = ratio.detach().clamp(max=high) * advantages * logprobs
    else:
        objective = torch.minimum(ratio * advantages, ratio.clamp(low, high) * advantages)
        if loss.dual_clip is not None:
            objective = torch.where(advantages < 0, torch.maximum(objective, loss.dual_clip * advantages), objective)
    tis, sums = _mismatch(loss.tis_cap, tokens)
    value = -(tokens.weights * tis * objective).sum() / loss.normalizer
    with torch.no_grad():
        clips = loss.surrogate == "clip"
        none = torch.zeros_like(ratio)
        sums |= {
            "loss": value.detach().double(),
            "tokens": _count(tokens.weights),
            "entropy": entropies.double().sum(),
            "ratio": ratio.double().sum(),
            "clipped_low": ((ratio < low) & (advantages < 0) if clips else none).sum().double(),
            "clipped_high": ((ratio > high) & (advantages > 0)).sum().double(),
            "clipped_dual": ((ratio > loss.dual_clip) & (advantages < 0) if clips and loss.dual_clip else none).sum().double(),
            "kl_old": k3(log_ratio).double().sum(),
        }
    return value, sums


def _ratios(level: str, log_ratio: torch.Tensor, tokens: Tokens) -> torch.Tensor:
    """The logarithm of each token's ratio: its own, or the mean over its sequence (GSPO, arXiv 2507.18071)."""
    if level == "token":
        return log_ratio
    zeros = log_ratio.new_zeros(tokens.sequences)
    totals = zeros.index_add(0, tokens.sequence, log_ratio)
    counts = zeros.index_add(0, tokens.sequence, torch.ones_like(log_ratio))
    return (totals / counts.clamp(min=1.0))[tokens.sequence]


@torch.no_grad()
def _mismatch(cap: float | None, tokens: Tokens) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Factors of truncated importance sampling, and the sums on the mismatch between the policy server and the trainer."""
    tis = torch.ones_like(tokens.weights)
    if tokens.rollout is None:
        return tis, {}
    present = ~tokens.rollout.isnan()
    log_ratio = torch.where(present, tokens.old - tokens.rollout, 0.0).clamp(-LOG_RATIO_LIMIT, LOG_RATIO_LIMIT)
    sums = {
        "mismatch_kl": k3(log_ratio).double().sum(),
        "mismatch_abs": log_ratio.abs().double().sum(),
        "mismatch_tokens": present.sum().double(),
    }
    if cap is not None:
        ratio = log_ratio.exp()
        tis = torch.where(present, ratio.clamp(max=cap), 1.0)
        sums["tis_capped"] = ((ratio > cap) & present).sum().double()
    return tis, sums


def k3(log_ratio: torch.Tensor) -> torch.Tensor:
    """r - 1 - log r, an estimate of KL(q || p) for r = p / q of samples of q (http://joschu.net/blog/kl-approx.html)."""
    return torch.expm1(log_ratio) - log_ratio


def _count(values: torch.Tensor) -> torch.Tensor:
    return torch.tensor(float(values.numel()), dtype=torch.float64, device=values.device)


def as_answer(sums: dict[str, float]) -> dict[str, float | int]:
    """Sums as they go into an answer: counts as integers, what a loss doesn't have as 0."""
    answer: dict[str, float | int] = {}
    for name in SUMS:
        value = sums.get(name, 0.0)
        answer[name] = int(value) if name in COUNTS and math.isfinite(value) else value
    return answer
