"""Low-rank adapters (arXiv 2106.09685) on the linear layers of a model; its own weights stay as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Lora:
    """Rank of the adapters; `alpha` / `rank` is their factor."""

    rank: int
    alpha: float


class LoraLinear(nn.Linear):
    """A linear layer, plus scale x up(down(x)); its weight keeps its name, so that the model's state stays what transformers knows."""

    def __init__(self, layer: nn.Linear, options: Lora) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.scale = options.alpha / options.rank
        self.lora_down = nn.Parameter(layer.weight.new_empty(options.rank, layer.in_features))
        self.lora_up = nn.Parameter(layer.weight.new_zeros(layer.out_features, options.rank))
        nn.init.kaiming_uniform_(self.lora_down, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + F.linear(F.linear(x, self.lora_down), self.lora_up) * self.scale


def add_lora(model: PreTrainedModel, options: Lora) -> None:
    """Freezes the model, and puts adapters on each linear layer but the output."""
    model.requires_grad_(False)
    head = model.get_output_embeddings()
    layers = [(parent, name, child) for parent in model.modules() for name, child in parent.named_children() if type(child) is nn.Linear]
    for parent, name, child in layers:
        if child is not head:
            setattr(parent, name, LoraLinear(child, options))


def merged(state: dict[str, torch.Tensor], scale: float) -> dict[str, torch.Tensor]:
    """A state with the adapters added to the weights that they sit on, as if there were none."""
    result = {name: tensor for name, tensor in state.items() if ".lora_" not in name}
    for name, up in state.items():
        if name.endswith(".lora_up"):
            layer = name.removesuffix(".lora_up")
            result[f"{layer}.weight"] = result[f"{layer}.weight"] + scale * (up @ state[f"{layer}.lora_down"])
    return result
