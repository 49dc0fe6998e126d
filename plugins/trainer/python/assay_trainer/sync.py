"""Bringing the present weights to where rollouts are sampled: the trainer's part of it. What vLLM is told over HTTP is plugins/trainer/vllm.ts."""

from __future__ import annotations

import base64
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from . import state
from .errors import TrainerError
from .loading import Loaded, model_tensors
from .parallel import Place
from .session import Session

if TYPE_CHECKING:
    from .protocol import Fields


def sync_kinds(place: Place) -> list[str]:
    """Where this trainer can bring its weights; the embedded server samples from whole weights, which only a single process has."""
    kinds = ["embedded"] if place.processes == 1 else []
    kinds.append("vllm_reload")
    # NCCL moves tensors between GPUs only.
    return [*kinds, "vllm_transfer"] if place.device.type == "cuda" and hasattr(torch._C, "_nccl_init_rank") else kinds


class Syncer:
    """Knows the server that it started, and the NCCL group that it is in."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.url: str | None = None
        self._id: bytes | None = None
        self._group: Any = None

    def sync(self, target: Fields) -> dict[str, Any]:
        """What the target's kind answers, with the weight version; `unsupported` where this trainer can't."""
        kind = target.take("kind", str)
        actions = {"embedded": self._embedded, "folder": self._folder, "nccl_open": self._open, "nccl_join": self._join, "nccl_send": self._send}
        if kind not in actions:
            raise TrainerError("bad_request", f"sync.target.kind {kind!r} is not known")
        offered = {"embedded": "embedded", "folder": "vllm_reload"}.get(kind, "vllm_transfer")
        if offered not in sync_kinds(self.session.place):
            why = "it samples from the weights of a single process" if kind == "embedded" else "NCCL needs a GPU"
            raise TrainerError("unsupported", f"this trainer can't sync to {offered}: {why}")
        with self.session.lock:
            return {"weight_version": self.session.weight_version, **actions[kind](target)}

    def _embedded(self, target: Fields) -> dict[str, Any]:
        host, port, name = target.take("host", str), target.take("port", int), target.take("model", str)
        target.end()
        if self.url is None:
            # The server samples from the session's own weights: once it runs, there is nothing to bring.
            self.url = import_module("assay_trainer.server").start(self.session, host, port, name)
        return {"url": self.url}

    def _folder(self, target: Fields) -> dict[str, Any]:
        """The model as a checkpoint has it, without the optimiser."""
        folder = target.take("folder", str)
        target.end()
        session = self.session
        session.write_folder(folder, lambda root: _write(root, session.loaded(), session.place))
        return {}

    def _open(self, target: Fields) -> dict[str, Any]:
        target.end()
        # The names are those that will be sent; all processes gather, as they do then.
        described = [(name, _dtype_name(tensor.dtype), list(tensor.shape)) for name, tensor in self._tensors()]
        self._id = torch.cuda.nccl.unique_id()
        return {
            "unique_id": base64.b64encode(self._id).decode(),
            "names": [name for name, _, _ in described],
            "dtype_names": [dtype for _, dtype, _ in described],
            "shapes": [shape for _, _, shape in described],
        }

    def _join(self, target: Fields) -> dict[str, Any]:
        """Waits until vLLM's workers have joined, too."""
        size = target.take("world_size", int)
        target.end()
        if self._id is None:
            raise TrainerError("bad_request", "sync.target.kind nccl_join: there is no group to join; send nccl_open first")
        if self.session.place.first:
            self._group = torch.cuda.nccl.init_rank(size, self._id, 0)
            # vLLM's workers sum up one float32 as they join by an id, and wait for all to do so.
            torch.cuda.nccl.all_reduce([torch.zeros(1, device=self.session.place.device)], comms=[self._group])
            torch.cuda.synchronize()
        return {}

    def _send(self, target: Fields) -> dict[str, Any]:
        """Broadcasts each tensor, in the order of `nccl_open`, while vLLM's workers receive them."""
        target.end()
        if self.session.place.first and self._group is None:
            raise TrainerError("bad_request", "sync.target.kind nccl_send: the group was not joined; send nccl_join first")
        for _, tensor in self._tensors():
            torch.cuda.nccl.broadcast([tensor.to(self.session.place.device).contiguous()], root=0, comms=[self._group])
        torch.cuda.synchronize()
        return {}

    def _tensors(self) -> list[tuple[str, torch.Tensor]]:
        place = self.session.place
        return list(model_tensors(self.session.loaded(), place).items())


def _write(root: Path, loaded: Loaded, place: Place) -> None:
    tensors = model_tensors(loaded, place)
    writer = state.Writer(root, place.first)
    writer.attempt(lambda: state.write_model(root, loaded.policy.model, tensors, place.dtype, loaded.tokenizer))
    writer.end()


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

