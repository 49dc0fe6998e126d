"""HTTP/1.1 with keep-alive on asyncio: as much of it as a client of an OpenAI-compatible server uses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
KEEP_ALIVE_SECONDS = 10
REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    body: bytes


class HttpError(Exception):
    """An answer in the shape of OpenAI's errors."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param

    @property
    def fields(self) -> dict[str, Any]:
        kind = {404: "NotFoundError", 500: "InternalServerError", 503: "ServiceUnavailableError"}
        name = kind.get(self.status, "BadRequestError")
        return {"error": {"message": str(self), "type": name, "param": self.param, "code": self.status}}


class Reply:
    """The answer to one call, given now or later, from the loop's thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_streaming = False
        self._timer: asyncio.TimerHandle | None = None
        """Called when the client goes away before the answer."""
        self.on_lost: Callable[[], None] = lambda: None

    def keep_alive(self) -> None:
        """Has comments sent while the answer takes long: for streams."""
        self._timer = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, self._ping)

    def _ping(self) -> None:
        if not self._is_streaming:
            self._is_streaming = True
            self._connection.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
        self._connection.write(_chunk(b": keep-alive\n\n"))
        self.keep_alive()

    def json(self, fields: Any, status: int = 200) -> None:
        self._end(status, "application/json", json.dumps(fields, separators=(",", ":")).encode())

    def events(self, pieces: list[Any]) -> None:
        """All events of a stream, and its end."""
        data = [json.dumps(piece, separators=(",", ":")).encode() for piece in pieces]
        self._end(200, "text/event-stream", b"".join(b"data: %s\n\n" % piece for piece in [*data, b"[DONE]"]))

    def error(self, error: HttpError) -> None:
        if self._is_streaming:
            self.events([error.fields])
        else:
            self.json(error.fields, error.status)

    def _end(self, status: int, kind: str, body: bytes) -> None:
        self.lost()
        if self._is_streaming:
            self._connection.finish(_chunk(body) + b"0\r\n\r\n")
            return
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._connection.finish(head.encode() + body)

    def lost(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class Connection(asyncio.Protocol):
    """One connection; its calls are answered one after the other."""

    def __init__(self, answer: Callable[[Call, Reply], None], all_connections: set[Connection]) -> None:
        self._answer = answer
        self._all = all_connections
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._all.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._all.discard(self)
        if self._reply is not None:
            self._reply.lost()
            self._reply.on_lost()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._reply is None:
            self._next()
        elif len(self._data) > MAX_HEAD + MAX_BODY:
            # More than a call, sent before the last one was answered.
            self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def finish(self, data: bytes) -> None:
        """Sends the last bytes of an answer and takes the next call."""
        self.write(data)
        self._reply = None
        if self._closes:
            self.close()
        elif self._data:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if self._reply is not None or self._transport is None:
            return
        reply = Reply(self)
        try:
            call = self._parse()
        except HttpError as error:
            # What follows a call that could not be read can't be read either.
            self._closes = True
            self._reply = reply
            reply.error(error)
            return
        if call is None:
            return
        self._reply = reply
        self._answer(call, reply)

    def _parse(self) -> Call | None:
        """The next call, if all of it is there."""
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > MAX_HEAD:
                raise HttpError(431, "the head of the request is too long")
            return None
        first, *lines = self._data[:end].decode("latin-1").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise HttpError(400, "that is no HTTP/1.1 request")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "transfer-encoding" in headers:
            raise HttpError(411, "the request needs a Content-Length")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise HttpError(400, "the Content-Length is no number")
        if int(length) > MAX_BODY:
            raise HttpError(413, f"the request has more than {MAX_BODY} bytes")
        begin = end + 4
        if len(self._data) < begin + int(length):
            if headers.get("expect", "").lower() == "100-continue" and len(self._data) == begin:
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._data[begin : begin + int(length)])
        del self._data[: begin + int(length)]
        connection = headers.get("connection", "").lower()
        self._closes = connection == "close" or (parts[2] == "HTTP/1.0" and connection != "keep-alive")
        return Call(parts[0], parts[1], body)
