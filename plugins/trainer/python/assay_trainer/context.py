"""Context parallelism: each process holds a part of a row of tokens, and for attention all tokens of a part of the heads.

DeepSpeed-Ulysses (arXiv 2309.14509). Exact for packed rows too, as each attention sees the whole row.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn
from transformers import PreTrainedConfig
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .errors import TrainerError
from .layout import Packed, attention_arguments
from .parallel import Place

CONTEXT = "assay_context"


class _Exchange(torch.autograd.Function):
    """Splits dimension `split` among the processes of a team, and joins what comes from them along dimension `join`."""

    @staticmethod
    def forward(ctx, tensor, split, join, team):  # noqa: ANN001, ANN205
        ctx.arguments = split, join, team
        sent = torch.stack(tensor.chunk(dist.get_world_size(team), split)).contiguous()
        received = torch.empty_like(sent)
        dist.all_to_all_single(received, sent, group=team)
        return torch.cat(received.unbind(), join)

    @staticmethod
    def backward(ctx, grad):  # noqa: ANN001, ANN205
        split, join, team = ctx.arguments
        return _Exchange.apply(grad, join, split, team), None, None, None


class _Gather(torch.autograd.Function):
    """The values [n] of all processes of a team, one after another. Each of them computes the same loss from it, so its own part has its own gradient."""

    @staticmethod
    def forward(ctx, values, counts, seat, team):  # noqa: ANN001, ANN205
        ctx.part = slice(sum(counts[:seat]), sum(counts[: seat + 1]))
        longest = max(counts)
        padded = values.new_zeros(longest)
        padded[: len(values)] = values
        received = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(received, padded, group=team)
        return torch.cat([part[:count] for part, count in zip(received, counts)])

    @staticmethod
    def backward(ctx, grad):  # noqa: ANN001, ANN205
        return grad[ctx.part], None, None, None


def check_heads(config: PreTrainedConfig, context: int) -> None:
    """`unsupported` unless the heads of the model can be split among so many processes."""
    text = config.get_text_config()
    heads, keys = text.num_attention_heads, getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    if heads % context or (keys % context and context % keys):
        raise TrainerError("unsupported", f"--context-parallel {context}: can't split {heads} heads with {keys} keys and values")


def part_of(packed: Packed, place: Place) -> tuple[slice, torch.Tensor, tuple[int, ...]]:
    """What this process computes of a row: its slice, the numbers of the predictions in it, and how many are in each part."""
    size = packed.input_ids.shape[1] // place.context
    edges = torch.arange(place.context + 1) * size
    # `select` goes up within a row.
    bounds = torch.searchsorted(packed.select, edges).tolist()
    counts = tuple(b - a for a, b in zip(bounds, bounds[1:]))
    mine = torch.arange(bounds[place.seat], bounds[place.seat + 1])
    return slice(place.seat * size, (place.seat + 1) * size), mine, counts


def gather(values: torch.Tensor, counts: tuple[int, ...], place: Place) -> torch.Tensor:
    """The values of all parts of a row, in the order of the row."""
    return _Gather.apply(values, counts, place.seat, place.team)


def register(place: Place, inner: str) -> str:
    """The attention of this process's team, around one that sees whole rows; returns the name by which a model finds it."""

    def attend(
        module: nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        packed_lengths: tuple[int, ...],
        **options: object,
    ) -> tuple[torch.Tensor, None]:
        # Positions are those of the part that is here, and the keys are turned already; the lengths are those of the whole row.
        options = {name: value for name, value in options.items() if name != "position_ids"}
        repeats = max(1, place.context // key.shape[1])
        if repeats > 1:
            key, value = key.repeat_interleave(repeats, 1), value.repeat_interleave(repeats, 1)
        query, key, value = (_Exchange.apply(tensor, 1, 2, place.team) for tensor in (query, key, value))
        output, _ = ALL_ATTENTION_FUNCTIONS[inner](module, query, key, value, mask, **options, **attention_arguments(packed_lengths, inner, query.device))
        # [1, tokens, heads, width], and back to all heads of the tokens that are here.
        return _Exchange.apply(output, 1, 2, place.team), None

    ALL_ATTENTION_FUNCTIONS.register(CONTEXT, attend)
    return CONTEXT
