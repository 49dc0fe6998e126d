"""The tensors and files of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from .errors import TrainerError
from .model import Tokenizer, neutral_generation

# A file of tensors is closed beyond it: what is gathered from many processes is in main memory once, not all of it at once.
SHARD_BYTES = 4 << 30
MOMENTS = ("exp_avg", "exp_avg_sq")


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in main memory, gathered from the processes that hold parts of it (all have to call)."""
    tensor = tensor.detach()
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu()


def weights(model: PreTrainedModel, keep: bool, dtype: torch.dtype | None) -> Iterator[tuple[str, torch.Tensor]]:
    """The model's state in main memory, tied tensors once; nothing where `keep` is false, but all processes have to go through it."""
    tied = set(getattr(model, "_tied_weights_keys", None) or {}) if model.config.get_text_config().tie_word_embeddings else set()
    for name, tensor in model.state_dict().items():
        if name not in tied:
            gathered = whole(tensor)
            if keep:
                yield name, gathered if dtype is None else gathered.to(dtype)


def moments(model: nn.Module, optimizer: torch.optim.Optimizer, keep: bool) -> Iterator[tuple[str, torch.Tensor]]:
    """Adam's moments by parameter, as `weights`."""
    for name, parameter in model.named_parameters():
        entry = optimizer.state.get(parameter)
        for moment in MOMENTS if entry else ():
            gathered = whole(entry[moment])
            if keep:
                yield f"{name}.{moment}", gathered


def optimizer_steps(optimizer: torch.optim.Optimizer) -> int:
    """Number of steps that the moments have seen."""
    return max((int(entry["step"]) for entry in optimizer.state.values()), default=0)


class Writer:
    """Writes in one process while all of them gather; after a failure it writes nothing more, but the gathering goes on."""

    def __init__(self, root: Path, keep: bool) -> None:
        self.root = root
        self.keep = keep
        self.failure: Exception | None = None

    def attempt(self, action: Callable[[], object]) -> None:
        """An action of the process that writes."""
        if self.keep and self.failure is None:
            try:
                action()
            except Exception as error:
                self.failure = error

    def tensors(self, stem: str, items: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Tensors in files of bounded size: trainer/STEM-00000.safetensors and so on."""
        part: dict[str, torch.Tensor] = {}
        number = 0
        for name, tensor in items:
            part[name] = tensor.contiguous()
            if sum(tensor.nbytes for tensor in part.values()) >= SHARD_BYTES:
                self._write(stem, number, part)
                part, number = {}, number + 1
        if part:
            self._write(stem, number, part)

    def _write(self, stem: str, number: int, part: dict[str, torch.Tensor]) -> None:
        self.attempt(lambda: save_file(part, self.root / "trainer" / f"{stem}-{number:05}.safetensors"))

    def end(self) -> None:
        """Raises what failed."""
        if self.failure is not None:
            raise self.failure


def open_tensors(root: Path, stem: str) -> dict[str, Callable[[], torch.Tensor]]:
    """Readers of the tensors that `Writer.tensors` wrote."""
    readers: dict[str, Callable[[], torch.Tensor]] = {}
    for path in sorted(root.glob(f"{stem}-*.safetensors")):
        file = safe_open(path, "pt")
        readers |= {name: partial(file.get_tensor, name) for name in file.keys()}
    return readers


def write_model(root: Path, model: PreTrainedModel, tensors: Mapping[str, torch.Tensor], dtype: torch.dtype, tokenizer: Tokenizer) -> None:
    """The folder that transformers and vLLM load."""
    root.mkdir(exist_ok=True)
    model.config.dtype = dtype
    model.save_pretrained(root, state_dict={name: tensor.contiguous() for name, tensor in tensors.items()})
    (root / "generation_config.json").write_text(neutral_generation(model.config), encoding="utf-8")
    for name, content in tokenizer.files.items():
        (root / name).write_bytes(content)


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, readers: Mapping[str, Callable[[], torch.Tensor]], steps: int, reads: bool
) -> None:
    """Puts saved moments back; `checkpoint_broken` if one is missing. One process reads, and each takes its part."""
    for name, parameter in model.named_parameters() if steps else ():
        if not parameter.requires_grad:
            continue
        keys = {moment: f"{name}.{moment}" for moment in MOMENTS}
        missing = [key for key in keys.values() if key not in readers]
        if missing:
            raise TrainerError("checkpoint_broken", f"the optimiser state lacks {missing[0]}; take an older checkpoint")
        found = {moment: _like(readers[key]() if reads else torch.empty(parameter.shape), parameter) for moment, key in keys.items()}
        optimizer.state[parameter] = {"step": torch.tensor(float(steps), device=parameter.device), **found}


def _like(tensor: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """A whole tensor as the parameter is held: on its device, in the same parts."""
    if isinstance(parameter, DTensor):
        return distribute_tensor(tensor.to(parameter.device), parameter.device_mesh, parameter.placements)
    return tensor.to(parameter.device, copy=True)


def write_json(path: Path, value: object) -> None:
    """JSON that is read back as it was."""
    path.write_text(json.dumps(value, allow_nan=False) + "\n", encoding="utf-8")
