"""One HTTP exchange with the service; no retries here."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from assay_oracle.score import Score, unscorable

#: Refusals that pass by themselves.
_PASSING = (408, 425, 429)
#: Codes of a service that takes nothing more for now.
BUSY = ("client_busy", "rate_limited", "queue_full", "draining", "http_429", "http_503")


class Trouble(Exception):
    """An exchange that ended without an answer for all that was asked."""

    def __init__(self, score: Score, retry_after: float | None = None) -> None:
        super().__init__(score.failure.message if score.failure else "")
        self.score = score
        self.retry_after = retry_after


class Wire:
    """Opens a connection for each exchange, straight to the service: proxies of the environment are not used."""

    def __init__(self, url: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"{url!r} is no address of an assay service; expected e.g. http://127.0.0.1:8642"
            )
        self._url = url
        self._address = (parts.hostname, parts.port)
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._base = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def score(self, body: Mapping[str, Any], seconds: float) -> Score:
        with self._post("/v1/score", body, seconds) as response:
            return self._parse(response.read())

    def batch(self, bodies: Sequence[Mapping[str, Any]], seconds: float) -> Iterator[tuple[int, Score]]:
        """Yields position and result as each is finished; raises Trouble when the answer ends before all are."""
        end = time.monotonic() + seconds
        open_ = set(range(len(bodies)))
        with self._post("/v1/score/batch", {"requests": list(bodies)}, seconds) as response:
            for line in iter(response.readline, b""):
                if line.strip():
                    position, score = self._line(line)
                    if position not in open_:
                        raise self._garbage(f"index {position!r} was not asked for, or answered twice")
                    open_.remove(position)
                    yield position, score
                if open_ and time.monotonic() > end:
                    raise Trouble(self._late())
        if open_:
            raise Trouble(
                unscorable("cut_short", f"{self._url} ended its answer {len(open_)} results too early")
            )

    @contextlib.contextmanager
    def _post(self, path: str, body: Mapping[str, Any], seconds: float) -> Iterator[http.client.HTTPResponse]:
        connection = self._connect(*self._address, timeout=seconds)
        try:
            connection.connect()
            _keep_alive(connection.sock)
            connection.request("POST", self._base + path, json.dumps(body).encode(), self._headers)
            response = connection.getresponse()
            if response.status != 200:
                raise self._refusal(response)
            yield response
        except socket.timeout as error:
            raise Trouble(self._late()) from error
        except (OSError, http.client.HTTPException) as error:
            what = f"{type(error).__name__}: {error}".rstrip(": ")
            message = f"{self._url} gave no answer ({what}); is `assay serve` running there?"
            raise Trouble(unscorable("unreachable", message)) from error
        finally:
            connection.close()

    def _line(self, line: bytes) -> tuple[Any, Score]:
        """A line of a batch. One for a request that was refused holds an error instead of a result."""
        body = self._json(line)
        if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
            busy = body["error"].get("code") in BUSY
            refused = self._refused(
                body["error"], "refused", blame="infra" if busy else "input", retryable=busy
            )
            return body.get("index"), refused
        return body.get("index") if isinstance(body, Mapping) else None, self._parse(line)

    def _parse(self, raw: bytes) -> Score:
        try:
            return Score.parse(self._json(raw))
        except ValueError as error:
            raise self._garbage(str(error)) from error

    def _json(self, raw: bytes) -> Any:
        try:
            return json.loads(raw)
        except ValueError as error:
            raise self._garbage(f"no JSON: {raw[:80]!r}") from error

    def _refusal(self, response: http.client.HTTPResponse) -> Trouble:
        """503 may carry a whole result; every other refusal carries an error of code, message and fix."""
        raw, status = response.read(), response.status
        wait = _seconds(response.getheader("Retry-After"))
        try:
            body = json.loads(raw)
            if isinstance(body, Mapping) and "status" in body:
                return Trouble(Score.parse(body), wait)
            error = body.get("error") if isinstance(body, Mapping) else None
        except ValueError:
            error = None
        passing = status >= 500 or status in _PASSING
        known = error if isinstance(error, Mapping) else {"message": f"HTTP {status}"}
        return Trouble(
            self._refused(known, f"http_{status}", blame="infra" if passing else "input", retryable=passing),
            wait,
        )

    def _refused(self, error: Mapping[str, Any], code: str, *, blame: str, retryable: bool) -> Score:
        words = ". ".join(str(error[name]).rstrip(".") for name in ("message", "fix") if error.get(name))
        message = f"{self._url} refused the request: {words}"
        return unscorable(str(error.get("code", code)), message, blame=blame, retryable=retryable)

    def _late(self) -> Score:
        message = (
            f"{self._url} gave no answer in time; the job goes on there, and asking again attaches to it"
        )
        return unscorable("client_timeout", message)

    def _garbage(self, what: str) -> Trouble:
        return Trouble(
            unscorable("bad_answer", f"{self._url} gave an answer that is none of assay's ({what})")
        )


def _keep_alive(connected: socket.socket) -> None:
    """A grading is silent for minutes: so a host that is gone is noticed after two, not when all time is over."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _seconds(value: str | None) -> float | None:
    """Retry-After in seconds; its form with a date is taken for absent."""
    return float(value) if value is not None and value.isascii() and value.isdigit() else None
