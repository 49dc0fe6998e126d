"""How sequences are put together for one pass through the model: packed one after another, each attending to itself alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils import is_flash_attn_2_available

from .batch import Batch
from .errors import TrainerError

PACKED = "assay_packed"
FLASH = "flash_attention_2"


@dataclass(frozen=True)
class Piece:
    """The part of sequence `sequence` of a batch that is computed: its first `length` tokens."""

    sequence: int
    length: int


@dataclass(frozen=True)
class Packed:
    """Pieces in one row. `select[i]` is the place in the row whose output predicts token `index[i]` of the batch; `owner[i]` its piece."""

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    lengths: tuple[int, ...]
    select: torch.Tensor
    index: torch.Tensor
    owner: torch.Tensor


def pieces(batch: Batch, wanted: torch.Tensor) -> list[Piece]:
    """What has to be computed for the wanted tokens (bool [T]): nothing of a sequence without any, and of the others what comes before the last one."""
    result = []
    marks = wanted.nonzero().squeeze(1)
    bounds = torch.tensor(batch.bounds)
    ends = torch.searchsorted(marks, bounds[1:]).tolist()
    starts = torch.searchsorted(marks, bounds[:-1]).tolist()
    for sequence, (start, end) in enumerate(zip(starts, ends)):
        if end > start:
            result.append(Piece(sequence, int(marks[end - 1]) - batch.bounds[sequence]))
    return result


def deal(items: Sequence[Piece], hands: int) -> list[list[Piece]]:
    """Pieces dealt to processes: the longest first, each to the one that has least to do."""
    loads = [0] * hands
    dealt: list[list[Piece]] = [[] for _ in range(hands)]
    for item in sorted(items, key=lambda piece: -piece.length):
        hand = loads.index(min(loads))
        dealt[hand].append(item)
        loads[hand] += item.length
    return dealt


def micro_batches(items: Sequence[Piece], tokens: int) -> list[list[Piece]]:
    """Pieces in groups of at most so many tokens, a longer one alone; first fit, the longest first."""
    groups: list[list[Piece]] = []
    room: list[int] = []
    for item in sorted(items, key=lambda piece: -piece.length):
        for number, left in enumerate(room):
            if item.length <= left:
                groups[number].append(item)
                room[number] -= item.length
                break
        else:
            groups.append([item])
            room.append(tokens - item.length)
    return groups


def pack(batch: Batch, group: Sequence[Piece], wanted: torch.Tensor) -> Packed:
    """One row of pieces of a batch; of no piece, a row that predicts nothing."""
    if not group:
        none = torch.zeros(0, dtype=torch.long)
        return Packed(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1, dtype=torch.long), (1,), none, none, none)
    ids, positions, select, index, owner = [], [], [], [], []
    offset = 0
    for number, piece in enumerate(group):
        start = batch.bounds[piece.sequence]
        ids.append(batch.input_ids[start : start + piece.length])
        positions.append(torch.arange(piece.length))
        places = wanted[start : start + piece.length + 1].nonzero().squeeze(1)
        select.append(places + (offset - 1))
        index.append(places + start)
        owner.append(torch.full_like(places, number))
        offset += piece.length
    return Packed(
        torch.cat(ids)[None],
        torch.cat(positions)[None],
        tuple(piece.length for piece in group),
        torch.cat(select),
        torch.cat(index),
        torch.cat(owner),
    )


def attention_arguments(lengths: tuple[int, ...], implementation: str, device: torch.device) -> dict[str, object]:
    """What the attention has to be told of the lengths in a row."""
    if implementation != FLASH:
        return {"packed_lengths": lengths}
    bounds = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32).to(device)
    longest = max(lengths)
    return {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": longest, "max_length_k": longest}


def training_attention(device: torch.device) -> str:
    """Flash attention with variable lengths on CUDA where it is installed, else SDPA sequence by sequence."""
    return FLASH if device.type == "cuda" and is_flash_attn_2_available() else PACKED


def divided(packed: Packed, parts: int) -> Packed:
    """A row whose length `parts` divides, by a sequence at its end that predicts nothing."""
    missing = -packed.input_ids.shape[1] % parts
    if missing == 0:
        return packed
    return replace(
        packed,
        input_ids=F.pad(packed.input_ids, (0, missing)),
        position_ids=torch.cat([packed.position_ids, torch.arange(missing)[None]], 1),
        lengths=(*packed.lengths, missing),
    )


@contextmanager
def attention(model: PreTrainedModel, implementation: str) -> Iterator[None]:
    """The model attends within packed sequences meanwhile; afterwards as before, e.g. for a server that samples from it."""
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = implementation
    try:
        yield
    finally:
        config._attn_implementation = before


def _packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    packed_lengths: tuple[int, ...] | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """Causal SDPA [1, heads, tokens, width] of each sequence of a row by itself; neighbours of the same length at once."""
    if packed_lengths is None or others.get("softcap") is not None or others.get("s_aux") is not None:
        raise TrainerError("unsupported", f"{type(module).__name__}: this kind of attention can't be computed on packed sequences")
    grouped = query.shape[1] != key.shape[1]
    outputs = []
    start = 0
    for length, count in _runs(packed_lengths):
        end = start + length * count
        parts = [tensor[0, :, start:end].unflatten(1, (count, length)).transpose(0, 1) for tensor in (query, key, value)]
        mask = None
        if sliding_window is not None and length > sliding_window:
            places = torch.arange(length, device=query.device)
            distance = places[:, None] - places[None, :]
            mask = (distance >= 0) & (distance < sliding_window)
        out = F.scaled_dot_product_attention(
            *parts, attn_mask=mask, dropout_p=dropout, is_causal=mask is None, scale=scaling, enable_gqa=grouped
        )
        outputs.append(out.transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(outputs)[None] if len(outputs) > 1 else outputs[0][None], None


def _runs(lengths: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    count = 0
    for number, length in enumerate(lengths):
        count += 1
        if number + 1 == len(lengths) or lengths[number + 1] != length:
            yield length, count
            count = 0


ALL_ATTENTION_FUNCTIONS.register(PACKED, _packed_attention)
