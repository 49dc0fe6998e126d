"""The processes of a trainer, and what they exchange."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist

from .errors import TrainerError


@dataclass(frozen=True)
class Place:
    """Where this process computes: its device, and its number among the processes that torchrun started."""

    device: torch.device
    rank: int = 0
    processes: int = 1

    @property
    def half(self) -> bool:
        """Whether passes are computed in bfloat16; weights, optimiser, head and loss are float32 in any case."""
        return self.device.type == "cuda"

    @property
    def first(self) -> bool:
        return self.rank == 0


def start(kind: str) -> Place:
    """This process's place, by the variables that torchrun sets; `kind` is a device type, or `auto` for CUDA where there is one."""
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if kind == "auto" else kind
    processes, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    device = torch.device(chosen, int(os.environ.get("LOCAL_RANK", "0"))) if chosen == "cuda" else torch.device("cpu")
    if chosen == "cuda":
        torch.cuda.set_device(device)
        # Products of float32 in TF32: its 10 bits of mantissa hold what bfloat16 passes give.
        torch.set_float32_matmul_precision("high")
    if processes > 1:
        dist.init_process_group("cpu:gloo,cuda:nccl" if chosen == "cuda" else "gloo")
    return Place(device, rank, processes)


def sum_over(place: Place, values: Sequence[float]) -> list[float]:
    """Each value, summed over the processes."""
    if place.processes == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(tensor)
    return tensor.tolist()


def sum_tensor(place: Place, tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in main memory, summed over the processes."""
    if place.processes > 1:
        dist.all_reduce(tensor)
    return tensor


def share_line(place: Place, line: bytes | None) -> bytes | None:
    """The line that the first process read, in all of them; None: its input has ended."""
    if place.processes == 1:
        return line
    box = [line]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def agree(place: Place, error: TrainerError | None) -> None:
    """Raises in all processes if there is an error in one of them, so that none waits for another."""
    if place.processes > 1:
        found: list[TrainerError | None] = [None] * place.processes
        dist.all_gather_object(found, error and (error.code, error.message, error.retryable))
        first = next((item for item in found if item is not None), None)
        error = TrainerError(*first) if first else None
    if error is not None:
        raise error
