"""A batch: sequences of tokens in a safetensors file, one after another."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from .errors import TrainerError

_FLOATS = ("weights", "advantages", "old_logprobs", "rollout_logprobs")


@dataclass(frozen=True)
class FileRef:
    """A file, and what is in it."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Batch:
    """Sequences of a file; `bounds[i]` to `bounds[i + 1]` are the places of sequence i in the flat tensors."""

    input_ids: torch.Tensor
    bounds: tuple[int, ...]
    weights: torch.Tensor
    advantages: torch.Tensor | None
    old_logprobs: torch.Tensor | None
    rollout_logprobs: torch.Tensor | None

    @property
    def tokens(self) -> int:
        return self.bounds[-1]

    @property
    def sequences(self) -> int:
        return len(self.bounds) - 1


def _bad(path: str, what: str) -> TrainerError:
    return TrainerError("bad_batch", f"{path}: {what}. The file was written by the caller.")


def digest_of(path: Path) -> str:
    """sha256 of a file, read by parts."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def read_batch(ref: FileRef, vocabulary: int, context: int) -> Batch:
    """The batch of a file, checked; `bad_batch` if it is missing, changed, malformed or doesn't fit the model."""
    path = ref.path
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise _bad(path, f"can't be read ({error.strerror})") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != ref.sha256:
        raise _bad(path, f"has sha256 {digest}, but {ref.sha256} was announced")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise _bad(path, f"is not a safetensors file ({error})") from error
    return _check(path, tensors, vocabulary, context)


def _check(path: str, tensors: dict[str, torch.Tensor], vocabulary: int, context: int) -> Batch:
    for name in ("input_ids", "cu_seqlens", "weights"):
        if name not in tensors:
            raise _bad(path, f"lacks {name}")
    unknown = sorted(set(tensors) - {"input_ids", "cu_seqlens", *_FLOATS})
    if unknown:
        raise _bad(path, f"has tensors that are not known: {', '.join(unknown)}")
    ids, cu = tensors["input_ids"], tensors["cu_seqlens"]
    for name, tensor in tensors.items():
        expected = torch.float32 if name in _FLOATS else torch.int32
        if tensor.dtype != expected or tensor.dim() != 1:
            raise _bad(path, f"{name} must be one-dimensional {expected}, is {tuple(tensor.shape)} {tensor.dtype}")
        if name != "cu_seqlens" and tensor.shape != ids.shape:
            raise _bad(path, f"{name} has {tensor.numel()} values for {ids.numel()} tokens")
    bounds = tuple(cu.tolist())
    if len(bounds) < 2 or bounds[0] != 0 or bounds[-1] != ids.numel() or any(b <= a for a, b in zip(bounds, bounds[1:])):
        raise _bad(path, "cu_seqlens must go up from 0 to the number of tokens, without empty sequences")
    longest = max(b - a for a, b in zip(bounds, bounds[1:]))
    if longest > context:
        raise _bad(path, f"a sequence of {longest} tokens is longer than the context of the model, {context}")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= vocabulary:
        raise _bad(path, f"token ids {low} to {high} are not within the vocabulary of {vocabulary}")
    weights = tensors["weights"]
    if bool((weights[cu[:-1].long()] != 0).any()):
        raise _bad(path, "the first token of a sequence has a weight, but nothing predicts it")
    return Batch(ids.long(), bounds, weights, tensors.get("advantages"), tensors.get("old_logprobs"), tensors.get("rollout_logprobs"))


def finite_tokens(batch: Batch, policy: bool) -> tuple[torch.Tensor, int]:
    """Which tokens are in the loss (bool [T]), and how many with a weight are left out as what came with them is not finite.

    `non_finite` if a weight itself is not finite.
    """
    if not bool(batch.weights.isfinite().all()):
        raise TrainerError("non_finite", "a weight of the batch is not finite; gradients that waited for a step were dropped")
    weighted = batch.weights != 0
    if not policy:
        return weighted, 0
    usable = weighted & batch.advantages.isfinite() & batch.old_logprobs.isfinite()
    if batch.rollout_logprobs is not None:
        # NaN says that there is none; an infinity is a fault of the policy server.
        usable &= ~batch.rollout_logprobs.isinf()
    return usable, int(weighted.sum()) - int(usable.sum())
