"""Keys and values of the sequences in work: one row each, all layers, rows 0 to n-1 in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

LENGTH_STEP = 64
"""Positions are read and grow in multiples of this."""

Shape = tuple[int, int, torch.dtype]
"""Heads, dimension and type of the keys, or of the values, of a layer."""


class Window(Cache):
    """What the model sees of the rows during one pass: states are written to `slots`, and read of as many rows and positions as the mask has."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        super().__init__(layers=[_Layer(self, 2 * layer) for layer in range(len(shapes) // 2)])
        kinds = list(dict.fromkeys(shapes))
        self.kinds = [(kind, shapes.count(kind)) for kind in kinds]
        self._places = [(kinds.index(shape), shapes[:place].count(shape)) for place, shape in enumerate(shapes)]
        self.stores: Sequence[Tensor] = ()
        self.slots = self.first = self.mask = torch.empty(0)

    def write(self, place: int, states: Tensor) -> Tensor:
        kind, index = self._places[place]
        store = self.stores[kind][index]
        heads, size = store.shape[-2:]
        store.view(-1, heads, size).index_copy_(0, self.slots, states.transpose(1, 2).reshape(-1, heads, size))
        # Sizes and offsets are of tensors, so that a traced pass is good for all of them.
        rows = store[self.first : self.first + states.shape[0], : self.mask.shape[-1]]
        return rows.transpose(1, 2)


class _Layer(CacheLayerMixin):
    """One layer, as transformers sees it."""

    def __init__(self, window: Window, place: int) -> None:
        super().__init__()
        self._window = window
        self._place = place

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        pass

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        return self._window.write(self._place, key_states), self._window.write(self._place + 1, value_states)

    # Masks and positions are given with each call: the model asks for none of these.
    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return 0, 0

    def get_seq_length(self) -> int:
        return 0

    def get_max_length(self) -> int:
        return -1


class Rows:
    """Tensors [layer, row, position, head, dimension], that grow as needed; layers of one shape are one tensor, so that a row is copied by few operations."""

    def __init__(self, kinds: Sequence[tuple[Shape, int]], device: torch.device) -> None:
        self._kinds = kinds
        self._device = device
        self.bytes_per_token = sum(heads * size * kind.itemsize * count for (heads, size, kind), count in kinds)
        self.stores: list[Tensor] = []
        self.rows = 0
        self.length = 0

    def clear(self) -> None:
        """Gives the memory back."""
        self.stores, self.rows, self.length = [], 0, 0

    def reserve(self, rows: int, length: int) -> None:
        """Makes room for so many rows of at least so many positions; what those rows hold is kept."""
        length = -(-length // LENGTH_STEP) * LENGTH_STEP
        kept, positions = min(rows, self.rows), min(length, self.length)
        stores = []
        for index, ((heads, size, kind), count) in enumerate(self._kinds):
            # Zeros: what is masked is multiplied by 0, which a stray NaN would survive. The last row takes the states of padding.
            store = torch.zeros(count, rows + 1, length, heads, size, dtype=kind, device=self._device)
            if self.stores:
                store[:, :kept, :positions] = self.stores[index][:, :kept, :positions]
            stores.append(store)
        self.stores, self.rows, self.length = stores, rows, length

    def move(self, source: int, target: int, length: int) -> None:
        """Copies the first positions of a row to another."""
        for store in self.stores:
            store[:, target, :length] = store[:, source, :length]

    def take(self, row: int, length: int) -> list[Tensor]:
        """A copy of the first positions of a row."""
        return [store[:, row, :length].clone() for store in self.stores]

    def put(self, row: int, states: list[Tensor], length: int) -> None:
        """Writes the first positions of what `take` gave into a row."""
        for store, state in zip(self.stores, states):
            store[:, row, :length] = state[:, :length]
