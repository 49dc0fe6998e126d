"""Talks to an assay service. Whatever goes wrong on the way is an unscorable result, never a reward."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from typing import Any, Callable

from assay_oracle.request import Options, Request
from assay_oracle.score import Score
from assay_oracle.wire import BUSY, Trouble, Wire

DEFAULT_URL = "http://127.0.0.1:8642"
LONGEST_WAIT = 30.0
#: Of one HTTP request of a batch: well below what the service takes.
MOST_REQUESTS = 1024
MOST_BYTES = 4 * 1024 * 1024

_log = logging.getLogger("assay_oracle")

Bodies = Sequence[Mapping[str, Any]]
#: Sends bodies within some seconds; yields a position and its result as each is known.
Exchange = Callable[[Bodies, float], Iterator[tuple[int, Score]]]


class Client:
    """Scores patches; safe to use from many threads.

    `timeout` bounds a call in seconds, retries included. `retries` bounds how often it asks again after a failure; a
    service that is merely busy is asked again for as long as there is time.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        timeout: float = 3600.0,
        retries: int = 8,
        backoff: float = 1.0,
        concurrency: int = 256,
        options: Options = Options(),
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.retries = retries
        self.backoff = backoff
        self.options = options
        self._wire = Wire(url, token)
        self._sleep = sleep
        self._clock = clock
        # Threads of our own: asyncio's default pool has as few as six, and a grading takes minutes.
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="assay-oracle")

    @staticmethod
    def from_env(env: Mapping[str, str] = os.environ) -> Client:
        """ASSAY_URL, ASSAY_TOKEN, ASSAY_TIMEOUT (seconds), ASSAY_REWARD and ASSAY_PROFILE."""
        return Client(
            env.get("ASSAY_URL", DEFAULT_URL),
            env.get("ASSAY_TOKEN"),
            timeout=float(env.get("ASSAY_TIMEOUT", "3600")),
            options=Options(reward=env.get("ASSAY_REWARD"), profile=env.get("ASSAY_PROFILE")),
        )

    def request(self, instance_id: str, patch: str | None, **options: Any) -> Request:
        """A request with this client's options; those that are named here replace them."""
        return Request(instance_id, patch, replace(self.options, **options))

    def score(self, instance_id: str, patch: str | None, **options: Any) -> Score:
        return self._until_done([self.request(instance_id, patch, **options)], self._single)[0]

    def score_many(self, requests: Sequence[Request]) -> list[Score]:
        """One result for each request, in their order; they are graded side by side."""
        chunks = list(_chunks(requests))
        if len(chunks) < 2:
            return [score for chunk in chunks for score in self._until_done(chunk, self._batch)]
        with ThreadPoolExecutor(len(chunks)) as pool:
            results = pool.map(lambda chunk: self._until_done(chunk, self._batch), chunks)
            return [score for of_chunk in results for score in of_chunk]

    async def ascore(self, instance_id: str, patch: str | None, **options: Any) -> Score:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: self.score(instance_id, patch, **options))

    async def ascore_many(self, requests: Sequence[Request]) -> list[Score]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.score_many, requests)

    def _single(self, bodies: Bodies, seconds: float) -> Iterator[tuple[int, Score]]:
        yield 0, self._wire.score(bodies[0], seconds)

    def _batch(self, bodies: Bodies, seconds: float) -> Iterator[tuple[int, Score]]:
        return self._wire.batch(bodies, seconds)

    def _until_done(self, requests: Sequence[Request], exchange: Exchange) -> list[Score]:
        """Asks again for what has no final answer yet: the same request attaches to the job that runs already."""
        bodies = [request.body() for request in requests]
        results: dict[int, Score] = {}
        todo = list(range(len(bodies)))
        end = self._clock() + self.timeout
        failed = 0
        for asked in itertools.count(1):
            left = max(0.001, end - self._clock())
            answers, wait = _answers(exchange, [bodies[i] for i in todo], left)
            results.update((todo[position], _counted(score, asked)) for position, score in answers.items())
            todo = [i for i in todo if _again(results[i])]
            if any(not _is_busy(results[i]) for i in todo):
                failed += 1
            if wait is None:
                wait = min(LONGEST_WAIT, self.backoff * 2 ** min(asked - 1, 10)) * random.uniform(0.5, 1.0)
            if not todo or failed > self.retries or self._clock() + wait >= end:
                break
            self._sleep(wait)
        for i, request in enumerate(requests):
            _report(request, results[i])
        return [results[i] for i in range(len(requests))]


def _answers(exchange: Exchange, bodies: Bodies, seconds: float) -> tuple[dict[int, Score], float | None]:
    """A result for each body, and the wait that the service asks for."""
    got: dict[int, Score] = {}
    try:
        for position, score in exchange(bodies, seconds):
            got[position] = score
    except Trouble as trouble:
        return {
            position: got.get(position, trouble.score) for position in range(len(bodies))
        }, trouble.retry_after
    return got, None


def _chunks(requests: Sequence[Request]) -> Iterator[list[Request]]:
    chunk: list[Request] = []
    size = 0
    for request in requests:
        # A character may take six bytes in JSON, but those of a patch hardly ever do.
        more = 256 + 2 * len(request.patch or "")
        if chunk and (len(chunk) == MOST_REQUESTS or size + more > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(request)
        size += more
    if chunk:
        yield chunk


def _report(request: Request, score: Score) -> None:
    failure = score.failure
    if failure is not None:
        words = "%s has no reward (%s, %s): %s"
        _log.warning(words, request.instance_id, failure.blame, failure.code, failure.message)


def _is_busy(score: Score) -> bool:
    return score.failure is not None and score.failure.code in BUSY


def _again(score: Score) -> bool:
    return score.failure is not None and score.failure.retryable


def _counted(score: Score, attempts: int) -> Score:
    """The client's own failures say how often it tried; those of the service say how often that did."""
    if score.failure is None or score.failure.phase != "client":
        return score
    return replace(score, failure=replace(score.failure, attempts=attempts))


@lru_cache(maxsize=1)
def default_client() -> Client:
    """The client of functions that a framework calls by name, made from the environment at the first call."""
    return Client.from_env()
