"""The processes of a trainer, and what they exchange."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from .errors import TrainerError


@dataclass(frozen=True)
class Place:
    """Where this process computes: its device, and its number among the processes that torchrun started.

    `context` processes in a row share the same sequences, each a part of their tokens; `team` is their group.
    """

    device: torch.device
    rank: int = 0
    processes: int = 1
    context: int = 1
    team: dist.ProcessGroup | None = None

    @property
    def half(self) -> bool:
        """Whether passes are computed in bfloat16; weights, optimiser, head and loss are float32 in any case."""
        return self.device.type == "cuda"

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights that a policy server gets."""
        return torch.bfloat16 if self.half else torch.float32

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def hands(self) -> int:
        """Between how many the sequences are dealt."""
        return self.processes // self.context

    @property
    def hand(self) -> int:
        return self.rank // self.context

    @property
    def seat(self) -> int:
        """Which part of each row of tokens is computed here."""
        return self.rank % self.context


def start(kind: str, context: int) -> Place:
    """This process's place, by the variables that torchrun sets; `kind` is a device type, or `auto` for CUDA where there is one."""
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if kind == "auto" else kind
    processes, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if context < 1 or processes % context:
        raise SystemExit(f"--context-parallel {context}: must divide the number of processes, {processes}")
    device = torch.device(chosen, int(os.environ.get("LOCAL_RANK", "0"))) if chosen == "cuda" else torch.device("cpu")
    if chosen == "cuda":
        torch.cuda.set_device(device)
        # Products of float32 in TF32: its 10 bits of mantissa hold what bfloat16 passes give.
        torch.set_float32_matmul_precision("high")
    team = None
    if processes > 1:
        dist.init_process_group("cpu:gloo,cuda:nccl" if chosen == "cuda" else "gloo")
    if context > 1:
        teams = [list(range(first, first + context)) for first in range(0, processes, context)]
        team, _ = dist.new_subgroups_by_enumeration(teams)
    return Place(device, rank, processes, context, team)


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


def shard(place: Place, policy: nn.Module, layers: Sequence[nn.Module]) -> None:
    """Splits parameters, gradients and optimiser among all processes (FSDP2); gradients are summed, as the normaliser is the caller's."""
    mesh = init_device_mesh(place.device.type, (place.processes,))
    precision = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if place.half else MixedPrecisionPolicy()
    for module in (*layers, policy):
        fully_shard(module, mesh=mesh, mp_policy=precision)
    for module in policy.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            # Gloo knows sums only.
            module.set_force_sum_reduction_for_comms(True)


def fill(place: Place, policy: nn.Module, source: nn.Module | None) -> None:
    """Gives a policy without values those of `source`, which the first process has."""
    whole = dict(source.state_dict()) if source is not None else {}
    set_model_state_dict(policy, whole, options=StateDictOptions(full_state_dict=True, broadcast_from_rank0=True))
    known = dict(source.named_buffers()) if source is not None else {}
    for name, buffer in policy.named_buffers():
        if name in known:
            buffer.copy_(known[name])
        dist.broadcast(buffer, src=0)


def recover(policy: nn.Module) -> None:
    """Makes a sharded policy usable after an error in the middle of a pass."""
    if isinstance(policy, FSDPModule):
        policy.reset_iter_state()
