"""A small HTTP server in the shapes that frameworks call: `python -m assay_oracle.bridge --framework NAME --port PORT`.

Where there is no reward it answers 503 with Retry-After to those whose answer has no word for that (openrlhf, slime);
they ask again, and the service attaches them to the job that runs. It has no access control: keep it on loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

from assay_oracle import nemo_gym, openenv_http, openrlhf
from assay_oracle.client import DEFAULT_URL, Client
from assay_oracle.patch import patch_of
from assay_oracle.request import Options
from assay_oracle.score import Unscorable

LARGEST_BODY = 64 * 1024 * 1024
RETRY_AFTER = 5

Handler = Callable[[Client, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Framework:
    #: Seconds: shorter than the framework waits itself, so that it gets a 503 and not a broken connection.
    timeout: float
    #: By path; "" is any other path.
    routes: Mapping[str, Handler]


def _openrlhf(client: Client, body: Mapping[str, Any]) -> Any:
    return openrlhf.answer_of(openrlhf.scores_of(client, body["query"], body["prompts"], body["labels"]))


def _slime(client: Client, body: Mapping[str, Any]) -> Any:
    if not isinstance(body["label"], str):
        raise ValueError("the label must be the id of an instance")
    return client.score(body["label"], patch_of(body["response"])).require()


FRAMEWORKS: Mapping[str, Framework] = {
    "openrlhf": Framework(timeout=170, routes={"": _openrlhf}),
    "slime": Framework(timeout=110, routes={"": _slime}),
    "nemo_gym": Framework(
        timeout=3600, routes={"/verify": nemo_gym.verify, "/seed_session": lambda _client, _body: {}}
    ),
    "openenv": Framework(
        timeout=3600,
        routes={"/reset": lambda _client, body: openenv_http.reset(body), "/step": openenv_http.step},
    ),
}


def answer(client: Client, handler: Handler, raw: bytes) -> tuple[int, Any]:
    """Status and body of the answer to one request."""
    try:
        body = json.loads(raw or b"{}")
        if not isinstance(body, Mapping):
            raise ValueError("expected a JSON object")
        return 200, handler(client, body)
    except Unscorable as error:
        return 503, _error(error.failure.code, str(error))
    except KeyError as error:
        return 400, _error("bad_request", f"the request lacks {error}")
    except (ValueError, TypeError, AttributeError) as error:
        return 400, _error("bad_request", str(error))


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def serve(client: Client, framework: Framework, address: tuple[str, int]) -> ThreadingHTTPServer:
    """A server that is bound, and answers once `serve_forever` runs."""
    return _Server(address, _handler(client, framework))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: A trainer connects for a whole batch at once.
    request_queue_size = 1024


def _handler(client: Client, framework: Framework) -> type[BaseHTTPRequestHandler]:
    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or -1)
            if not 0 <= length <= LARGEST_BODY:
                self.close_connection = True
                return self._send(
                    413, _error("too_large", f"expected Content-Length up to {LARGEST_BODY} bytes")
                )
            raw = self.rfile.read(length)
            handler = framework.routes.get(self.path, framework.routes.get(""))
            if handler is None:
                return self._send(
                    404, _error("not_found", f"no {self.path} here; known are {', '.join(framework.routes)}")
                )
            self._send(*answer(client, handler, raw))

        def do_GET(self) -> None:
            self._send(200, {"status": "healthy"})

        def _send(self, status: int, body: Any) -> None:
            raw = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            if status == 503:
                self.send_header("Retry-After", str(RETRY_AFTER))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the client logs what has no reward."""

    return RequestHandler


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m assay_oracle.bridge", description="Serves rewards in a framework's own HTTP form"
    )
    parser.add_argument("--framework", required=True, choices=sorted(FRAMEWORKS))
    parser.add_argument(
        "--url",
        default=DEFAULT_URL,
        help=f"the assay service; default {DEFAULT_URL}; its token is ASSAY_TOKEN",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8643, help="0 for any that is free")
    parser.add_argument("--timeout", type=float, help="seconds for one answer; default by framework")
    parser.add_argument("--reward", help="resolved, signed or fraction")
    parser.add_argument("--profile", help="grading profile")
    given = parser.parse_args(arguments)
    framework = FRAMEWORKS[given.framework]
    options = Options(reward=given.reward, profile=given.profile)
    token = os.environ.get("ASSAY_TOKEN")
    client = Client(given.url, token, timeout=given.timeout or framework.timeout, options=options)
    server = serve(client, framework, (given.host, given.port))
    print(
        f"{given.framework} rewards at http://{given.host}:{server.server_address[1]} from {given.url}",
        flush=True,
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
