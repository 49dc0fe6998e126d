"""A policy server inside of the trainer's process, which samples from the weights that are trained."""

from __future__ import annotations

import atexit

from .engine import Engine, Session
from .server import Server

_server: Server | None = None


def start(session: Session, host: str, port: int, model_name: str) -> str:
    """Starts the server, port 0: any free one, and returns its base URL, e.g. `http://127.0.0.1:8000/v1`.

    Raises OSError where the address can't be had, ValueError for a model that it can't sample from, RuntimeError if one runs already.
    """
    global _server
    if _server is not None:
        raise RuntimeError(f"a server runs already at {_server.url}")
    with session.lock:
        if getattr(getattr(session, "place", None), "processes", 1) > 1:
            raise ValueError("the server samples in one process, and the trainer has several; sync to vLLM instead")
        if session.tokenizer is None:
            raise ValueError("the server needs a tokenizer, and the model has none")
        engine = Engine(session)
    _server = Server(session, engine, host, port, model_name)
    # A thread in the middle of a pass must not outlive the interpreter.
    atexit.register(stop)
    return _server.url


def stop() -> None:
    """Ends the server, if one runs; requests in work are answered with 503."""
    global _server
    if _server is not None:
        _server.stop()
        _server = None
