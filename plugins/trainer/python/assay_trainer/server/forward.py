"""One pass of any causal language model of transformers over rows of states."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from . import attention
from .rows import LENGTH_STEP, Rows, Shape, Window

TRACE_TOLERANCE = 1e-4


class Forward:
    """Calls the model with masks and positions made here, which is cheaper than letting each call find them out. To be used in inference mode.

    On a CPU, where the interpreter takes much of the time of a small model's pass, passes are traced, and checked against the model's own.
    """

    def __init__(self, model: Any, half: bool) -> None:
        self.model = model
        self._half = half
        self.device: torch.device = model.device
        self._config = model.config.get_text_config()
        self._base = model.base_model
        self._head = model.get_output_embeddings()
        self.vocabulary: int = self._head.weight.shape[0]
        self._sliding: int | None = getattr(self._config, "sliding_window", None)
        heads = self._config.num_attention_heads
        self._groups = heads // (getattr(self._config, "num_key_value_heads", None) or heads)
        self._kinds = self._mask_kinds()
        with self._as_server():
            self._window = Window(self._probe())
        dtype = self._window.kinds[0][0][2]
        self._hidden = torch.tensor(float("-inf"), dtype=dtype, device=self.device)
        self._shown = torch.zeros((), dtype=dtype, device=self.device)
        self.rows = Rows(self._window.kinds, self.device)
        self._passes: dict[bool, Callable[..., Tensor]] = {}

    def __call__(self, first: int, ids: list[list[int]], slots: list[list[int]]) -> Tensor:
        """Float32 logits [n, vocabulary] after the last of the ids [n, q] of rows from `first`; `slots` are their positions, -1: padding at the left."""
        inputs = self._inputs(first, ids, slots)
        with self._as_server():
            hidden = self._pass(len(ids[0]) == 1)(*inputs)
        return torch.nn.functional.linear(hidden.float(), self._head.weight.float())

    def _pass(self, is_decoding: bool) -> Callable[..., Tensor]:
        if is_decoding not in self._passes:
            self._passes[is_decoding] = self._traced(is_decoding) if self.device.type == "cpu" else _Pass(self)
        return self._passes[is_decoding]

    def _inputs(self, first: int, ids: list[list[int]], slots: list[list[int]]) -> list[Tensor]:
        at = torch.tensor(slots, device=self.device)
        length = self.rows.length
        columns = min(length, -(-(max(row[-1] for row in slots) + 1) // LENGTH_STEP) * LENGTH_STEP)
        begin = torch.arange(first * length, (first + len(ids)) * length, length, device=self.device)[:, None]
        places = at + begin
        if any(row[0] < 0 for row in slots):
            # The row after the last takes the states of padding, which looks at position 0, as a softmax over nothing is not a number.
            places = torch.where(at < 0, self.rows.rows * length, places)
            at = at.clamp(min=0)
        return [
            torch.tensor(ids, device=self.device),
            at,
            places.flatten(),
            torch.tensor(first),
            *self._masks(at, columns),
            *self.rows.stores,
        ]

    def _masks(self, at: Tensor, columns: int) -> list[Tensor]:
        # Repeated here, once for all layers, as the attention needs it.
        query = at.repeat(1, self._groups if at.shape[1] > 1 else 1)[:, None, :, None]
        column = torch.arange(columns, device=at.device)
        masks = []
        for kind in self._kinds:
            is_hidden = column > query
            if kind == "sliding_attention" and self._sliding is not None:
                is_hidden = is_hidden | (column <= query - self._sliding)
            masks.append(torch.where(is_hidden, self._hidden, self._shown))
        return masks

    def run(self, ids: Tensor, positions: Tensor, places: Tensor, first: Tensor, *others: Tensor) -> Tensor:
        """The hidden states after the last of each row's ids."""
        masks, stores = others[: len(self._kinds)], others[len(self._kinds) :]
        window = self._window
        window.slots, window.first, window.mask, window.stores = places, first, masks[0], stores
        mask = masks[0] if len(masks) == 1 else dict(zip(self._kinds, masks))
        output = self._base(input_ids=ids, attention_mask=mask, position_ids=positions, cache=window, use_cache=True)
        return output.last_hidden_state[:, -1]

    def _traced(self, is_decoding: bool) -> Callable[..., Tensor]:
        """The pass as a graph, if that gives what the model gives for other sizes, too."""
        plain = _Pass(self)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                traced = torch.jit.trace(plain, self._example(2, 1 if is_decoding else 3, 1), check_trace=False)
            for rows, first in ((1, 0), (3, 2)):
                inputs = self._example(rows, 1 if is_decoding else rows + 1, first)
                difference = (traced(*inputs) - plain(*inputs)).abs().max().item()
                if not difference < TRACE_TOLERANCE:
                    raise ValueError(f"results differ by {difference:.1e}")
            return traced
        except Exception as error:
            print(f"the policy server runs {type(self.model).__name__} untraced, which is slower: {error}", file=sys.stderr)
            return plain

    def _example(self, count: int, width: int, first: int) -> tuple[Tensor, ...]:
        own, self.rows = self.rows, Rows(self._window.kinds, self.device)
        try:
            self.rows.reserve(first + count + 1, (count + 1) * LENGTH_STEP)
            begins = [row * LENGTH_STEP + row for row in range(count)]
            ids = [[(7 * row + column) % self.vocabulary for column in range(width)] for row in range(count)]
            for store in self.rows.stores:
                store.copy_(torch.arange(store.numel()).sin().view(store.shape))
            return tuple(self._inputs(first, ids, [list(range(begin, begin + width)) for begin in begins]))
        finally:
            self.rows = own

    def _mask_kinds(self) -> list[str]:
        kinds = list(dict.fromkeys(getattr(self._config, "layer_types", None) or []))
        unknown = [kind for kind in kinds if kind not in ("full_attention", "sliding_attention")]
        if unknown:
            raise ValueError(f"the server can't sample from {type(self.model).__name__}: it has layers of type {unknown[0]}")
        return kinds or ["full_attention" if self._sliding is None else "sliding_attention"]

    def _probe(self) -> list[Shape]:
        """The shapes of the keys and the values of each layer. Raises ValueError where the state is another, or the head no plain product."""
        cache = DynamicCache()
        ids = torch.zeros(1, 1, dtype=torch.long, device=self.device)
        logits = self.model(input_ids=ids, cache=cache, use_cache=True).logits[0, -1].float()
        name = type(self.model).__name__
        shapes: list[Shape] = []
        for layer in cache.layers:
            if not isinstance(layer, DynamicLayer) or layer.keys is None:
                raise ValueError(f"the server can't sample from {name}: a layer's state is no plain keys and values")
            shapes += [(state.shape[1], state.shape[3], state.dtype) for state in (layer.keys, layer.values)]
        hidden = self._base(input_ids=ids, use_cache=False).last_hidden_state[0, -1].float()
        product = torch.nn.functional.linear(hidden, self._head.weight.float())
        if not self._half and not torch.allclose(product, logits, atol=1e-3, equal_nan=True):
            raise ValueError(f"the server can't sample from {name}: its logits are no plain product with the output embeddings")
        return shapes

    def _as_server(self) -> _AsServer:
        return _AsServer(self.model, self._config, self._half)


class _Pass(torch.nn.Module):
    """`run` in a form that can be traced; the model is a child, so that its weights are not copied."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.base = forward._base
        self._run = forward.run

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._run(*inputs)


class _AsServer:
    """The model as the server needs it: evaluating, with its attention, and in the trainer's precision; afterwards as before."""

    def __init__(self, model: Any, config: Any, half: bool) -> None:
        self._model = model
        self._config = config
        self._autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=True) if half else None

    def __enter__(self) -> None:
        self._was_training = self._model.training
        if self._was_training:
            self._model.eval()
        self._attention = self._config._attn_implementation
        self._config._attn_implementation = attention.NAME
        if self._autocast is not None:
            self._autocast.__enter__()

    def __exit__(self, *error: Any) -> None:
        if self._autocast is not None:
            self._autocast.__exit__(*error)
        self._config._attn_implementation = self._attention
        if self._was_training:
            self._model.train()
