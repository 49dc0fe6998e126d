"""Continuous batching: requests join and leave the batch between any two tokens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from .forward import Forward
from .prefixes import Entry, Prefixes
from .sampling import Controls, Draws, Seen, draw

MAX_ROWS = 64
"""Most requests at a time; others wait."""
PREFILL_TOKENS = 4096
"""Most tokens, padding included, that one pass over prompts computes."""
PREFILL_WAIT = 4
"""Decoding steps that new requests wait for others, so that their prompts are computed in one pass."""


SMALL = 20_000_000
"""Parameters of a model whose passes are too short for several threads: these wait for each other longer than they compute."""
GIB = 2**30


class Session(Protocol):
    """What the trainer shares with the server."""

    model: Any
    tokenizer: Any
    weight_version: str
    lock: Any


@dataclass(eq=False)
class Request:
    """A prompt, and what was sampled after it."""

    prompt: list[int]
    controls: Controls
    stop_tokens: frozenset[int]
    # Called once, in the thread of the engine: the request is over.
    on_end: Callable[[Request], None]
    # Whether the text of the tokens so far holds one of `controls.stop`.
    is_stopped: Callable[[list[int]], bool] | None = None
    sampled: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    finish_reason: str | None = None
    error: str | None = None
    error_status: int = 500
    is_cancelled: bool = False
    tokens: list[int] = field(init=False)
    # How many of `tokens` have their states in the row, and how many of the prompt's were found there at first.
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
        self._has_prefilled = False

    @torch.inference_mode()
    def _bind(self) -> None:
        """Takes the session's present model. Raises ValueError for one that it can't sample from."""
        model = self._session.model
        self._forward = Forward(model, getattr(getattr(self._session, "place", None), "half", False))
        self._rows = self._forward.rows
        self._is_small = model.device.type == "cpu" and sum(weight.numel() for weight in model.parameters()) < SMALL
        self._rows_bytes, prefix_bytes = _memory(model.device)
        self._prefixes = Prefixes(prefix_bytes)
        self._version = self._session.weight_version

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
        self._prefixes.clear()
        # They may hold what is no number.
        self._rows.clear()
        for request in ended:
            request.error, request.error_status = error, status
            request.on_end(request)

    @torch.inference_mode()
    def step(self) -> None:
        """One forward pass, if there is anything to compute."""
        threads = torch.get_num_threads()
        if not self._is_small or threads == 1:
            self._step()
            return
        # The lock is held: nobody else computes meanwhile.
        torch.set_num_threads(1)
        try:
            self._step()
        finally:
            torch.set_num_threads(threads)

    def _step(self) -> None:
        self._drop_cancelled()
        if self._session.model is not self._forward.model:
            self._renew()
            self._bind()
        elif self._session.weight_version != self._version:
            self._renew()
        if self._decoding == len(self._active) and self._is_time_to_admit():
            self._admit()
        # A prompt of many passes takes turns with those that decode.
        if self._decoding < len(self._active) and not (self._has_prefilled and self._decoding > 0):
            self._prefill()
            self._has_prefilled = True
        elif self._decoding > 0:
            self._decode()
            self._has_prefilled = False

    def _renew(self) -> None:
        """New weights: every state is of the old ones."""
        self._version = self._session.weight_version
        self._waiting.extendleft(reversed(self._active))
        self._active, self._decoding = [], 0
        self._prefixes.clear()
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
        first = len(self._active)
        found: list[tuple[Entry | None, int]] = []
        longest = total = 0
        end = max(map(self._end_of, self._active), default=0)
        while self._waiting and len(self._active) < MAX_ROWS:
            request = self._waiting[0]
            # The last token is computed in any case: what follows it is to be sampled.
            entry, shared = self._prefixes.match(request.tokens[:-1])
            longest = max(longest, len(request.tokens) - shared)
            total = max(total, len(request.tokens))
            end = max(end, self._end_of(request))
            count = len(self._active) + 1
            if count > 1 and not self._has_room(count, end):
                break
            if found and (len(found) + 1) * longest > min(PREFILL_TOKENS, self._forward.most_tokens(total)):
                break
            found.append((entry, shared))
            self._active.append(self._waiting.popleft())
        group = self._active[first:]
        if group:
            self._reserve(len(self._active), max(len(request.tokens) for request in group))
        for row, (request, (entry, shared)) in enumerate(zip(group, found), start=first):
            if entry is not None:
                self._rows.put(row, entry.states, shared)
            request.cached = shared
            request.reused = max(request.reused, min(shared, len(request.prompt)))
            if request.controls.is_penalised:
                request.seen = Seen(request.prompt, request.sampled, self._forward.vocabulary, self._forward.device)

    @staticmethod
    def _end_of(request: Request) -> int:
        return len(request.prompt) + request.controls.max_tokens

    def _has_room(self, rows: int, length: int) -> bool:
        return rows * length * self._rows.bytes_per_token <= self._rows_bytes

    def _reserve(self, rows: int, length: int) -> None:
        """Room for so many rows of so many tokens; for more rows than that, so as not to grow each time, where memory allows."""
        if rows <= self._rows.rows and length <= self._rows.length:
            return
        if length > self._rows.length:
            length = max(length, min(2 * self._rows.length, self._forward.context))
        else:
            length = self._rows.length
        spare = min(MAX_ROWS, max(8, 2 * rows, self._rows.rows))
        self._rows.reserve(spare if self._has_room(spare, length) else rows, length)

    def _prefill(self) -> None:
        """A pass over the prompts of a group; where it is a single long one, over its next part."""
        first = self._decoding
        group = self._active[first:]
        most = min(PREFILL_TOKENS, self._forward.most_tokens(max(len(request.tokens) for request in group))) // len(group)
        counts = [min(len(request.tokens) - request.cached, max(1, most)) for request in group]
        width = max(counts)
        ids = []
        slots = []
        for request, count in zip(group, counts):
            end = request.cached + count
            padding = width - count
            ids.append([0] * padding + request.tokens[request.cached : end])
            slots.append([-1] * padding + list(range(request.cached, end)))
        logits = self._forward(first, ids, slots)
        for request, count in zip(group, counts):
            request.cached += count
        if all(request.cached == len(request.tokens) for request in group):
            self._decoding = len(self._active)
            self._sample(first, logits)

    def _decode(self) -> None:
        group = self._active[: self._decoding]
        self._reserve(len(self._active), max(request.cached for request in group) + 1)
        ids = [[request.tokens[-1]] for request in group]
        logits = self._forward(0, ids, [[request.cached] for request in group])
        for request in group:
            request.cached += 1
        self._sample(0, logits)

    def _sample(self, first: int, logits: Tensor) -> None:
        group = self._active[first : self._decoding]
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
