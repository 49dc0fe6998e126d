"""A policy server inside of the trainer's process, which samples from the weights that are trained."""

from __future__ import annotations

from typing import Any

import torch

from .engine import Engine, Session
from .server import Server

MAX_ROWS = 64
GIB = 2**30

_server: Server | None = None


def start(session: Session, host: str, port: int, model_name: str) -> str:
    """Starts the server, port 0: any free one, and returns its base URL, e.g. `http://127.0.0.1:8000/v1`.

    Raises OSError where the address can't be had, ValueError for a model that it can't sample from, RuntimeError if one runs already.
    """
    global _server
    if _server is not None:
        raise RuntimeError(f"a server runs already at {_server.url}")
    with session.lock:
        rows_bytes, prefix_bytes = _memory(session.model)
        engine = Engine(session, MAX_ROWS, rows_bytes, prefix_bytes)
    _server = Server(session, engine, _context(session), host, port, model_name)
    return _server.url


def stop() -> None:
    """Ends the server, if one runs; requests in work are answered with 503."""
    global _server
    if _server is not None:
        _server.stop()
        _server = None


def _context(session: Any) -> int:
    """Most tokens of prompt and answer."""
    own = getattr(session, "context", None)
    return own if own is not None else session.model.config.get_text_config().max_position_embeddings


def _memory(model: Any) -> tuple[int, int]:
    """Bytes for the states of sequences in work, and for those of sequences that are over."""
    if model.device.type != "cuda":
        return 2 * GIB, GIB
    # What is left is for the trainer's activations and optimiser.
    free, _ = torch.cuda.mem_get_info(model.device)
    return int(free * 0.2), int(free * 0.1)
