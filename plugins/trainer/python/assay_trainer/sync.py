"""Bringing the present weights to where rollouts are sampled."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import TrainerError
from .parallel import Place
from .session import Session

if TYPE_CHECKING:
    from .protocol import Fields


def sync_kinds(place: Place) -> list[str]:
    """Where this trainer can bring its weights; the embedded server samples from whole weights, which only a single process has."""
    return ["embedded"] if place.processes == 1 else []


class Syncer:
    """Knows the server that it started."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.url: str | None = None

    def sync(self, target: Fields) -> dict[str, Any]:
        """Synced of trainer.ts."""
        kind = target.take("kind", str)
        if kind == "embedded" and kind not in sync_kinds(self.session.place):
            raise TrainerError("unsupported", "the embedded server samples from the weights of a single process; use vLLM with more")
        if kind != "embedded":
            raise TrainerError("bad_request", f"sync.target.kind {kind!r} is not known")
        host, port, name = target.take("host", str), target.take("port", int), target.take("model", str)
        target.end()
        version = self.session.weight_version
        if self.url is None:
            # The server samples from the session's own weights: once it runs, there is nothing to bring.
            self.url = import_module("assay_trainer.server").start(self.session, host, port, name)
        return {"weight_version": version, "url": self.url}
