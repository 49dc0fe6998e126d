"""Continuous batching: requests join and leave the batch between any two tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from .forward import Forward
from .prefixes import Prefixes
from .sampling import Controls, Draws, Seen, draw

MAX_ROWS = 64
"""Most requests at a time; others wait."""
PREFILL_TOKENS = 4096
"""Most tokens, padding included, that one pass over prompts computes."""
PREFILL_WAIT = 4
"""Decoding steps that new requests wait for others, so that their prompts are computed in one pass."""


GIB = 2**30


class Session(Protocol):
    """What the trainer shares with the server."""

    model: Any
    tokenizer: Any
    weight_version: str
    lock: Any


@dataclass(eq=False)
class Request:
    prompt: list[int]
    controls: Controls
    stop_tokens: frozenset[int]
    """Called once, in the thread of the engine: the request is over."""
    on_end: Callable[[Request], None]
    """Whether the text of the tokens so far holds one of `controls.stop`."""
    is_stopped: Callable[[list[int]], bool] | None = None
    sampled: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    error: str | None = None
    error_status: int = 500
    is_cancelled: bool = False
    tokens: list[int] = field(init=False)
    """How many of `tokens` have their states in the row."""
    cached: int = 0
    reused: int = 0
    draws: Draws = field(init=False)
    seen: Seen | None = None

    def __post_init__(self) -> None:
        self.tokens = list(self.prompt)
        self.draws = Draws(self.controls)

    def take(self, token: int, logprob: float, version: str) -> None:
        self.tokens.append(token)
        self.sampled.append(token)
        self.logprobs.append(logprob)
        if not self.versions or self.versions[-1] != version:
            self.versions.append(version)
        if self.seen is not None:
            self.seen.add(token)
        if token in self.stop_tokens or (self.is_stopped is not None and self.is_stopped(self.sampled)):
            self.finish_reason = "stop"
        elif len(self.sampled) >= self.controls.max_tokens:
            self.finish_reason = "length"


class Engine:
    """Samples for all requests at once. Only one thread may use it, and `step` only with the session's lock held."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._bind()
        self._waiting: deque[Request] = deque()
        # Row i of the tensors is that of request i; first those that decode, then those whose prompts are being computed.
        self._active: list[Request] = []
        self._decoding = 0
        self._steps_waited = 0

    @torch.inference_mode()
    def _bind(self) -> None:
        """Takes the session's present model. Raises ValueError for one that it can't sample from."""
        model = self._session.model
        self._forward = Forward(model, getattr(getattr(self._session, "place", None), "half", False))
        self._rows = self._forward.rows
        self._rows_bytes, prefix_bytes = _memory(model.device)
        self._prefixes = Prefixes(prefix_bytes)
        self._version = self._session.weight_version

    @property
    def vocabulary(self) -> int:
        return self._forward.vocabulary

    @property
    def has_work(self) -> bool:
        return bool(self._active or self._waiting)

    @property
    def counts(self) -> dict[str, int]:
        return {"running": len(self._active), "waiting": len(self._waiting), "kept_prefixes": len(self._prefixes)}

    def submit(self, request: Request) -> None:
        self._waiting.append(request)

    def fail_all(self, error: str, status: int = 500) -> None:
        """Ends every request with an error and forgets all states."""
        ended = [*self._active, *self._waiting]
        self._active, self._decoding = [], 0
        self._waiting.clear()
        self._forget()
        for request in ended:
            request.error, request.error_status = error, status
            request.on_end(request)

    @torch.inference_mode()
    def step(self) -> None:
        """One forward pass, if there is anything to compute."""
        self._drop_cancelled()
        if self._session.model is not self._forward.model:
            self._renew()
            self._bind()
        elif self._session.weight_version != self._version:
            self._renew()
        if self._decoding == len(self._active) and self._is_time_to_admit():
            self._admit()
        if self._decoding < len(self._active):
            self._prefill()
        elif self._active:
            self._decode()

    def _renew(self) -> None:
        """New weights: every state is of the old ones."""
        self._version = self._session.weight_version
        self._waiting.extendleft(reversed(self._active))
        self._active, self._decoding = [], 0
        self._forget()

    def _forget(self) -> None:
        self._prefixes.clear()
        self._rows.clear()
        for request in self._waiting:
            request.cached = 0

    def _drop_cancelled(self) -> None:
        if any(request.is_cancelled for request in self._waiting):
            self._waiting = deque(request for request in self._waiting if not request.is_cancelled)
        for row in reversed(range(len(self._active))):
            if self._active[row].is_cancelled:
                self._leave(row)

    def _leave(self, row: int) -> None:
        """Takes a request out; others move so that there are no gaps and decoding ones stay in front."""
        if row < self._decoding:
            self._decoding -= 1
            self._shift(self._decoding, row)
            row = self._decoding
        self._shift(len(self._active) - 1, row)
        self._active.pop()

    def _shift(self, source: int, target: int) -> None:
        if source == target:
            return
        request = self._active[source]
        self._rows.move(source, target, request.cached)
        self._active[target] = request

    def _is_time_to_admit(self) -> bool:
        if not self._waiting or len(self._active) >= MAX_ROWS:
            return False
        self._steps_waited += 1
        is_time = (
            self._steps_waited > PREFILL_WAIT
            or len(self._waiting) * 4 >= len(self._active)
            or len(self._waiting) >= MAX_ROWS - len(self._active)
        )
        if is_time:
            self._steps_waited = 0
        return is_time

    def _admit(self) -> None:
        """Gives rows to those that wait longest, as many as one pass and the memory have room for."""
        group: list[tuple[Request, Any, int]] = []
        longest = 0
        end = max(map(self._end_of, self._active), default=0)
        while self._waiting and len(self._active) + len(group) < MAX_ROWS:
            request = self._waiting[0]
            entry, shared = self._prefixes.match(request.tokens[:-1])
            longest = max(longest, len(request.tokens) - shared)
            if group and (len(group) + 1) * longest > PREFILL_TOKENS:
                break
            ends = [end, self._end_of(request)]
            if (self._active or group) and not self._has_room(len(self._active) + len(group) + 1, max(ends)):
                break
            end = max(ends)
            self._waiting.popleft()
            group.append((request, entry, shared))
        # Longest first: where prompts take several passes, those that take part in one are neighbours.
        group.sort(key=lambda item: len(item[0].tokens) - item[2], reverse=True)
        rows = len(self._active) + len(group)
        self._reserve(rows, max(len(request.tokens) for request, _, _ in group))
        for request, entry, shared in group:
            if entry is not None:
                self._rows.put(len(self._active), entry.states, shared)
            request.cached = shared
            request.reused = max(request.reused, min(shared, len(request.prompt)))
            if request.controls.is_penalised:
                request.seen = Seen(request.prompt, request.sampled, self.vocabulary, self._forward.device)
            self._active.append(request)

    @staticmethod
    def _end_of(request: Request) -> int:
        return len(request.prompt) + request.controls.max_tokens

    def _has_room(self, rows: int, length: int) -> bool:
        return rows * length * self._rows.bytes_per_token <= self._rows_bytes

    def _reserve(self, rows: int, length: int) -> None:
        """Room for so many rows of so many tokens; for more rows than that, so as not to grow each time, where memory allows."""
        if rows <= self._rows.rows and length <= self._rows.length:
            return
        length = max(length, self._rows.length)
        spare = min(MAX_ROWS, max(8, 2 * rows, self._rows.rows))
        self._rows.reserve(spare if self._has_room(spare, length) else rows, length)

    def _prefill(self) -> None:
        """A pass over prompts: all of it where it is no longer than `PREFILL_TOKENS`, else its next part."""
        first = self._decoding
        group = self._active[first:]
        left = len(group[0].tokens) - group[0].cached
        size = min(left, PREFILL_TOKENS // len(group))
        # What the longest has left takes so many passes after this one; the others do theirs in the last of them.
        after = -(-left // size) * size - size
        parts = [max(0, len(request.tokens) - request.cached - after) for request in group]
        part = group[: 1 + max(row for row, count in enumerate(parts) if count > 0)]
        width = max(parts)
        ids = [[0] * (width - count) + request.tokens[request.cached : request.cached + count] for request, count in zip(part, parts)]
        slots = [
            [-1] * (width - count) + list(range(request.cached, request.cached + count))
            for request, count in zip(part, parts)
        ]
        logits = self._forward(first, ids, slots)
        for request, count in zip(part, parts):
            request.cached += count
        if after == 0:
            self._decoding = len(self._active)
            self._sample(first, logits)

    def _decode(self) -> None:
        self._reserve(len(self._active), max(request.cached for request in self._active) + 1)
        ids = [[request.tokens[-1]] for request in self._active]
        logits = self._forward(0, ids, [[request.cached] for request in self._active])
        for request in self._active:
            request.cached += 1
        self._sample(0, logits)

    def _sample(self, first: int, logits: Tensor) -> None:
        group = self._active[first:]
        tokens, logprobs = draw(
            logits,
            [request.controls for request in group],
            [request.draws.next() for request in group],
            [request.seen for request in group],
        )
        ended = []
        for row, (request, token, logprob) in enumerate(zip(group, tokens, logprobs), start=first):
            if not logprob > float("-inf"):
                raise FloatingPointError("the model's logits are not finite")
            request.take(token, logprob, self._version)
            if request.finish_reason is not None:
                ended.append(row)
        for row in reversed(ended):
            request = self._active[row]
            self._prefixes.add(request.tokens[: request.cached], self._rows.take(row, request.cached))
            self._leave(row)
            request.on_end(request)


def _memory(device: torch.device) -> tuple[int, int]:
    """Bytes for the states of sequences in work, and for those of sequences that are over."""
    if device.type != "cuda":
        return 2 * GIB, GIB
    # What is left is for the trainer's activations and optimiser.
    free, _ = torch.cuda.mem_get_info(device)
    return int(free * 0.2), int(free * 0.1)
