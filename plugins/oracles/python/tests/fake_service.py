"""A service that plays every answer there is. The id of an instance says what it plays, first to last: the first request
for `busy,reset,resolved` is refused with 429, the second loses its connection, and all later ones are scored 1.

`python fake_service.py [PORT]` runs it on its own.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REWARDS = {"resolved": 1.0, "unresolved": 0.0, "invalid": 0.0}
RETRY_AFTER = {"busy": "7", "down": "3", "infra": "2"}
SLOW_SECONDS = 2.0


def scored(instance_id: str, outcome: str) -> dict[str, Any]:
    reason = {"resolved": "resolved", "unresolved": "tests_failed", "invalid": "empty_patch"}[outcome]
    verdict = {"instanceId": instance_id, "outcome": outcome, "reason": reason}
    return {
        "status": "scored",
        "reward": REWARDS[outcome],
        "verdict": verdict,
        "tests": {
            "FAIL_TO_PASS": {"success": [], "failure": []},
            "PASS_TO_PASS": {"success": [], "failure": []},
        },
        "failure": None,
        "timings": {"total": 1.5, "queue": 0.5},
        "key": "0" * 64,
        "cached": False,
    }


def unscorable(instance_id: str, blame: str) -> dict[str, Any]:
    failure = {
        "class": blame,
        "code": "engine_unreachable" if blame == "infra" else "internal",
        "phase": "start",
        "message": "no container could be started",
        "retryable": blame == "infra",
        "attempts": 3,
    }
    nothing = {"status": "unscorable", "reward": None, "verdict": None, "tests": None, "failure": failure}
    return {**scored(instance_id, "unresolved"), **nothing}


def error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "fix": "ask again later"}}


class FakeService(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.asked: Counter = Counter()
        self.bodies: list[Any] = []
        self.tokens: list[str | None] = []
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def play(self, body: dict[str, Any]) -> str:
        """What the next request for this instance gets; without a patch that is never a success."""
        plays = body["instance_id"].split(",")
        with self.lock:
            turn = self.asked[body["instance_id"]]
            self.asked[body["instance_id"]] += 1
        play = plays[min(turn, len(plays) - 1)]
        return "invalid" if play in REWARDS and not body["patch"] else play

    def __enter__(self) -> FakeService:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeService

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.tokens.append(self.headers.get("Authorization"))
        if self.path == "/v1/score":
            self._single(body, self.server.play(body))
        else:
            self._batch(body["requests"])

    def _single(self, body: dict[str, Any], play: str) -> None:
        name = body["instance_id"]
        if play in REWARDS:
            self._send(200, scored(name, play))
        elif play == "infra":
            self._send(503, unscorable(name, "infra"), RETRY_AFTER[play])
        elif play == "ours":
            self._send(200, unscorable(name, "ours"))
        elif play == "slow":
            time.sleep(SLOW_SECONDS)
            with contextlib.suppress(OSError):  # a client that gave up
                self._send(200, scored(name, "resolved"))
        else:
            self._broken(play)

    def _batch(self, requests: list[dict[str, Any]]) -> None:
        plays = [self.server.play(request) for request in requests]
        for whole in ("busy", "down", "crash", "denied"):
            if whole in plays:
                return self._broken(whole)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        for index in reversed(range(len(requests))):
            name, play = requests[index]["instance_id"], plays[index]
            if play in ("reset", "garbage", "cut"):
                return self._cut(play)
            self._line(index, name, play)

    def _line(self, index: int, name: str, play: str) -> None:
        if play in REWARDS:
            body = scored(name, play)
        elif play in ("infra", "ours"):
            body = unscorable(name, play)
        elif play == "full":
            body = error("queue_full", "too much waits already")
        else:
            body = error("unknown_instance", f"no instance {name}")
        self.wfile.write(json.dumps({"index": index, **body}).encode() + b"\n")

    def _cut(self, play: str) -> None:
        if play == "garbage":
            self.wfile.write(b"<html>Bad gateway</html>\n")
        elif play == "reset":
            self._reset()

    def _broken(self, play: str) -> None:
        if play == "busy":
            self._send(429, error("rate_limited", "too many requests"), RETRY_AFTER[play])
        elif play == "down":
            self._send(503, error("draining", "the service is stopping"), RETRY_AFTER[play])
        elif play == "crash":
            self._raw(500, b"Traceback (most recent call last)")
        elif play == "denied":
            self._send(401, error("unauthorized", "no such token"))
        elif play == "unknown":
            self._send(404, error("unknown_instance", "no such instance"))
        elif play == "nan":
            self._raw(200, b'{"status": "scored", "reward": NaN, "verdict": null, "failure": null}')
        elif play == "null":
            self._raw(200, b'{"status": "scored", "reward": null, "verdict": null, "failure": null}')
        elif play == "garbage":
            self._raw(200, b"<html>Bad gateway</html>")
        elif play == "short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"status": "scored", "reward": 1')
        else:
            assert play == "reset", play
            self._reset()

    def _reset(self) -> None:
        """Ends the connection with RST in place of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _send(self, status: int, body: Any, retry_after: str | None = None) -> None:
        self._raw(status, json.dumps(body).encode(), retry_after)

    def _raw(self, status: int, raw: bytes, retry_after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


if __name__ == "__main__":
    service = FakeService(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(service.url, flush=True)
    service.serve_forever()
