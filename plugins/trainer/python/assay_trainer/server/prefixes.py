"""States of sequences that are over, for those that begin alike."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

BLOCK = 16
"""Tokens of a block: sequences are found by their blocks and compared by token."""


@dataclass(eq=False)
class Entry:
    tokens: list[int]
    states: list[Tensor]
    blocks: list[int]
    bytes: int


class Prefixes:
    """The latest sequences up to so many bytes; the one that was not used for longest goes first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._bytes = 0
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._by_block: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        self._entries.clear()
        self._by_block.clear()
        self._bytes = 0

    def match(self, tokens: Sequence[int]) -> tuple[Entry | None, int]:
        """The entry that shares the longest beginning, in whole blocks, and how many tokens it shares."""
        for block, count in reversed(list(zip(_blocks(tokens), range(BLOCK, len(tokens) + 1, BLOCK)))):
            entry = self._by_block.get(block)
            if entry is None or entry.tokens[:count] != list(tokens[:count]):
                continue
            while count < min(len(tokens), len(entry.tokens)) and tokens[count] == entry.tokens[count]:
                count += 1
            self._entries.move_to_end(id(entry))
            return entry, count
        return None, 0

    def add(self, tokens: Sequence[int], states: list[Tensor]) -> None:
        """Keeps the states of a sequence; those of its own beginning are no longer needed."""
        entry = Entry(list(tokens), states, _blocks(tokens), sum(state.nbytes for state in states))
        if entry.bytes > self._capacity or not entry.blocks:
            return
        for older in {id(found): found for block in entry.blocks if (found := self._by_block.get(block))}.values():
            if older.tokens == entry.tokens[: len(older.tokens)]:
                self._remove(older)
        self._entries[id(entry)] = entry
        self._bytes += entry.bytes
        self._by_block.update(dict.fromkeys(entry.blocks, entry))
        while self._bytes > self._capacity:
            self._remove(next(iter(self._entries.values())))

    def _remove(self, entry: Entry) -> None:
        del self._entries[id(entry)]
        self._bytes -= entry.bytes
        for block in entry.blocks:
            if self._by_block.get(block) is entry:
                del self._by_block[block]


def _blocks(tokens: Sequence[int]) -> list[int]:
    """A hash for each beginning of whole blocks."""
    data = array("q", tokens).tobytes()
    size = BLOCK * 8
    hashes: list[int] = []
    last = 0
    for end in range(size, len(data) + 1, size):
        last = hash((last, data[end - size : end]))
        hashes.append(last)
    return hashes
