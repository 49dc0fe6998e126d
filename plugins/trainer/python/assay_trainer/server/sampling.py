"""Draws tokens from logits, each by the controls of its request."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import torch
from torch import Tensor

UNIFORMS_AT_ONCE = 256


@dataclass(frozen=True)
class Controls:
    """How a request wants its tokens drawn; the defaults are off."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()

    @property
    def is_penalised(self) -> bool:
        return (self.presence_penalty, self.frequency_penalty, self.repetition_penalty) != (0, 0, 1)

    @property
    def is_plain(self) -> bool:
        """Whether tokens are drawn from the model's own distribution."""
        is_whole = self.top_p == 1 and self.top_k <= 0 and self.min_p == 0
        return self.temperature == 1 and is_whole and not self.is_penalised


class Draws:
    """The random numbers of one request: the same seed gives the same, whatever else is drawn beside."""

    def __init__(self, controls: Controls) -> None:
        seed = secrets.randbits(63) if controls.seed is None else controls.seed
        self._generator = torch.Generator().manual_seed(seed)
        self._left = controls.max_tokens
        self._numbers: list[float] = []

    def next(self) -> float:
        """Uniform in [0, 1)."""
        if not self._numbers:
            count = max(1, min(self._left, UNIFORMS_AT_ONCE))
            self._left -= count
            self._numbers = torch.rand(count, generator=self._generator, dtype=torch.float64).tolist()[::-1]
        return self._numbers.pop()


class Seen:
    """What the penalties of one request look at."""

    def __init__(self, prompt: list[int], sampled: list[int], vocabulary: int, device: torch.device) -> None:
        self.is_seen = torch.zeros(vocabulary, dtype=torch.bool, device=device)
        self.counts = torch.zeros(vocabulary, device=device)
        self.is_seen[torch.tensor(prompt, device=device)] = True
        for token in sampled:
            self.add(token)

    def add(self, token: int) -> None:
        self.is_seen[token] = True
        self.counts[token] += 1

    def applied(self, logits: Tensor, controls: Controls) -> Tensor:
        """The logits of one row with penalties, as OpenAI and, for repetition, arXiv 1909.05858 define them."""
        factor = controls.repetition_penalty
        repeated = torch.where(logits > 0, logits / factor, logits * factor)
        logits = torch.where(self.is_seen, repeated, logits)
        return (
            logits
            - controls.frequency_penalty * self.counts
            - controls.presence_penalty * (self.counts > 0)
        )


def draw(
    logits: Tensor, controls: list[Controls], uniforms: list[float], seen: list[Seen | None]
) -> tuple[list[int], list[float]]:
    """A token for each row of float32 logits [n, vocabulary], and the log-probability it was drawn with, in nats.

    By inversion of the distribution function at the row's number. At temperature 0 it is the likeliest token, with its log-probability at 1.
    """
    shaped: dict[tuple[float, float, int, float], list[int]] = {}
    for row, control in enumerate(controls):
        if not control.is_plain:
            shaped.setdefault((control.temperature, control.top_p, control.top_k, control.min_p), []).append(row)
    if shaped:
        logits = logits.clone()
    for row, its in enumerate(seen):
        if its is not None:
            logits[row] = its.applied(logits[row], controls[row])
    for (temperature, top_p, top_k, min_p), rows in shaped.items():
        if temperature > 0:
            logits[rows] = truncated(logits[rows] / temperature, top_p, top_k, min_p)
    logprobs = torch.log_softmax(logits, dim=-1)
    # Float64: the tail of a large vocabulary is below the rounding of a float32 sum.
    below = logprobs.exp().to(torch.float64).cumsum(dim=-1)
    target = torch.tensor(uniforms, dtype=torch.float64, device=logits.device)[:, None] * below[:, -1:]
    tokens = torch.searchsorted(below, target, right=True).clamp_(max=logits.shape[-1] - 1)
    greedy = [row for row, control in enumerate(controls) if control.temperature == 0]
    if greedy:
        tokens[greedy] = logits[greedy].argmax(dim=-1, keepdim=True)
    return tokens[:, 0].tolist(), logprobs.gather(1, tokens)[:, 0].tolist()


def truncated(logits: Tensor, top_p: float, top_k: int, min_p: float) -> Tensor:
    """Logits [n, vocabulary] without those that the controls leave out; in vLLM's order: min_p, top_k, then top_p of what is left."""
    if top_p == 1 and top_k <= 0 and min_p == 0:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.softmax(dim=-1)
    is_kept = probabilities >= min_p * probabilities[:, :1]
    if top_k > 0:
        is_kept[:, top_k:] = False
    probabilities = probabilities * is_kept
    probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    # The token that crosses top_p is kept.
    is_kept &= probabilities.cumsum(dim=-1) - probabilities < top_p
    is_kept[:, 0] = True
    return logits.masked_fill(~torch.zeros_like(is_kept).scatter(1, order, is_kept), float("-inf"))
