"""Keys and values of the sequences in work: one row each, all layers, rows 0 to n-1 in use."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer

LENGTH_STEP = 128
"""Columns of the attention mask and of growth are multiples of this."""


class Rows:
    """Tensors [row, head, position, dimension] of every layer, that grow as needed.

    The cache that the model sees is a window on them: `window` says which rows, and where new states go.
    """

    def __init__(self, model: Any) -> None:
        shapes = state_shapes(model)
        self.device: torch.device = model.device
        self.dtype: torch.dtype = shapes[0][2]
        self.bytes_per_token = sum(heads * size for heads, size, _ in shapes) * self.dtype.itemsize
        # Tensors of one shape are one tensor, so that a row is copied by few operations.
        kinds = sorted({(heads, size) for heads, size, _ in shapes})
        self._counts = [sum((heads, size) == kind for heads, size, _ in shapes) for kind in kinds]
        self._kinds = kinds
        self._stores: list[Tensor] = []
        self._places: list[tuple[int, int]] = []
        seen = [0] * len(kinds)
        for heads, size, _ in shapes:
            kind = kinds.index((heads, size))
            self._places.append((kind, seen[kind]))
            seen[kind] += 1
        self.rows = 0
        self.length = 0
        self.cache = Cache(layers=[_Layer(self, layer) for layer in range(len(shapes) // 2)])
        self._first = self._count = self._columns = 0
        self._slots: list[Tensor] = []

    def clear(self) -> None:
        """Gives the memory back."""
        self._stores, self.rows, self.length = [], 0, 0

    def reserve(self, rows: int, length: int) -> None:
        """Makes room for so many rows of at least so many positions; what those rows hold is kept."""
        length = -(-length // LENGTH_STEP) * LENGTH_STEP
        kept, columns = min(rows, self.rows), min(length, self.length)
        stores = []
        for index, (heads, size) in enumerate(self._kinds):
            # Zeros: what is masked is multiplied by 0, which a stray NaN would survive. The last row takes the states of padding.
            store = torch.zeros(
                self._counts[index], rows + 1, heads, length, size, dtype=self.dtype, device=self.device
            )
            if self._stores:
                store[:, :kept, :, :columns] = self._stores[index][:, :kept, :, :columns]
            stores.append(store)
        self._stores, self.rows, self.length = stores, rows, length

    def move(self, source: int, target: int, length: int) -> None:
        """Copies the first positions of a row to another."""
        for store in self._stores:
            store[:, target, :, :length] = store[:, source, :, :length]

    def take(self, row: int, length: int) -> list[Tensor]:
        """A copy of the first positions of a row."""
        return [store[:, row, :, :length].clone() for store in self._stores]

    def put(self, row: int, states: list[Tensor], length: int) -> None:
        """Writes the first positions of what `take` gave into a row."""
        for store, state in zip(self._stores, states):
            store[:, row, :, :length] = state[:, :, :length]

    def window(self, first: int, slots: Tensor, columns: int) -> None:
        """The next forward pass is of rows from `first`; `slots` [n, q] says the position of each new state, -1: padding."""
        count, _ = slots.shape
        self._first, self._count, self._columns = first, count, columns
        rows = torch.arange(first, first + count, device=self.device)[:, None]
        is_padding = slots < 0
        rows = torch.where(is_padding, self.rows, rows)
        at = slots.clamp(min=0)
        self._slots = [
            (
                (rows[:, None] * heads + torch.arange(heads, device=self.device)[:, None]) * self.length
                + at[:, None]
            ).flatten()
            for heads, _ in self._kinds
        ]

    def update(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Writes the new states of a layer; all states of the window's rows."""
        return self._write(2 * layer, keys), self._write(2 * layer + 1, values)

    def _write(self, place: int, states: Tensor) -> Tensor:
        kind, index = self._places[place]
        store = self._stores[kind][index]
        store.view(-1, states.shape[-1]).index_copy_(0, self._slots[kind], states.reshape(-1, states.shape[-1]))
        return store[self._first : self._first + self._count, :, : self._columns]


class _Layer(CacheLayerMixin):
    """One layer, as transformers sees it."""

    def __init__(self, rows: Rows, layer: int) -> None:
        super().__init__()
        self._rows = rows
        self._layer = layer

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        pass

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self._rows.update(self._layer, key_states, value_states)

    # Masks and positions are given with each call: the model asks for none of these.
    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._rows.length, 0

    def get_seq_length(self) -> int:
        return self._rows.length

    def get_max_length(self) -> int:
        return -1


def state_shapes(model: Any) -> list[tuple[int, int, torch.dtype]]:
    """Heads, dimension and type of the keys and the values of each layer, in this order. Raises ValueError for models whose state is another."""
    cache = DynamicCache()
    with torch.no_grad():
        model(input_ids=torch.zeros(1, 1, dtype=torch.long, device=model.device), cache=cache, use_cache=True)
    shapes = []
    for layer in cache.layers:
        if not isinstance(layer, DynamicLayer) or layer.keys is None:
            raise ValueError(f"the server can't sample from {type(model).__name__}: a layer's state is no plain keys and values")
        shapes += [(state.shape[1], state.shape[3], state.dtype) for state in (layer.keys, layer.values)]
    return shapes
