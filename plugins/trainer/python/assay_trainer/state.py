"""What a checkpoint says of a model in training: weights, optimiser, random state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from .errors import TrainerError
from .model import Tokenizer, neutral_generation

# A file of optimiser state; more makes more files, less would cost time for nothing.
SHARD_BYTES = 4 << 30
MOMENTS = ("exp_avg", "exp_avg_sq")


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in main memory, gathered from the processes that hold parts of it (all have to call)."""
    tensor = tensor.detach()
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu()


def weights(model: PreTrainedModel, keep: bool) -> dict[str, torch.Tensor]:
    """The model's state in main memory, shared tensors once; empty where `keep` is false, but all processes have to call."""
    state: dict[str, torch.Tensor] = {}
    tied = set(getattr(model, "_tied_weights_keys", None) or {}) if model.config.get_text_config().tie_word_embeddings else set()
    for name, tensor in model.state_dict().items():
        if name not in tied:
            gathered = whole(tensor)
            if keep:
                state[name] = gathered
    return state


def write_model(root: Path, model: PreTrainedModel, state: Mapping[str, torch.Tensor], dtype: torch.dtype, tokenizer: Tokenizer) -> None:
    """The folder that transformers and vLLM load."""
    root.mkdir()
    implementation = model.config._attn_implementation
    model.config.dtype = dtype
    model.save_pretrained(root, state_dict={name: tensor.to(dtype).contiguous() for name, tensor in state.items()})
    model.config._attn_implementation = implementation
    (root / "generation_config.json").write_text(neutral_generation(model.config), encoding="utf-8")
    for name, content in tokenizer.files.items():
        (root / name).write_bytes(content)


def write_tensors(root: Path, stem: str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Tensors in safetensors files of bounded size: STEM-00000.safetensors and so on."""
    part: dict[str, torch.Tensor] = {}
    size = number = 0
    for name, tensor in tensors.items():
        part[name] = tensor.contiguous()
        size += tensor.nbytes
        if size >= SHARD_BYTES:
            save_file(part, root / f"{stem}-{number:05}.safetensors")
            part, size, number = {}, 0, number + 1
    if part:
        save_file(part, root / f"{stem}-{number:05}.safetensors")


def read_tensors(root: Path, stem: str) -> dict[str, torch.Tensor]:
    """What `write_tensors` wrote."""
    tensors: dict[str, torch.Tensor] = {}
    for path in sorted(root.glob(f"{stem}-*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                tensors[name] = file.get_tensor(name)
    return tensors


def optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer, keep: bool) -> tuple[dict[str, torch.Tensor], int]:
    """Moments by parameter name, and the number of steps that they have seen."""
    tensors: dict[str, torch.Tensor] = {}
    steps = 0
    for name, parameter in model.named_parameters():
        entry = optimizer.state.get(parameter)
        if not entry:
            continue
        steps = int(entry["step"])
        for moment in MOMENTS:
            gathered = whole(entry[moment])
            if keep:
                tensors[f"{name}.{moment}"] = gathered
    return tensors, steps


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], steps: int) -> None:
    """Puts saved moments back; `checkpoint_broken` if one is missing."""
    if steps == 0:
        return
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        try:
            moments = {moment: like(tensors[f"{name}.{moment}"], parameter) for moment in MOMENTS}
        except KeyError as error:
            raise TrainerError("checkpoint_broken", f"the optimiser state lacks {error}; take an older checkpoint") from error
        optimizer.state[parameter] = {"step": torch.tensor(float(steps), device=parameter.device), **moments}


def like(tensor: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """A whole tensor as the parameter is held: on its device, in the same parts."""
    if isinstance(parameter, DTensor):
        return distribute_tensor(tensor.to(parameter.device), parameter.device_mesh, parameter.placements)
    return tensor.to(parameter.device, copy=True)


def write_json(path: Path, value: object) -> None:
    """JSON that is read back as it was."""
    path.write_text(json.dumps(value, allow_nan=False) + "\n", encoding="utf-8")
