"""AdamW, and the norm of the gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributed.tensor import DTensor


@dataclass(frozen=True)
class AdamW:
    """Fields as in trainer.ts."""

    betas: tuple[float, float]
    eps: float
    weight_decay: float


def optimizer(model: nn.Module, options: AdamW) -> torch.optim.AdamW:
    """AdamW over what is trained; as in Hugging Face's trainer, biases and the factors of norms (one dimension) don't decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": options.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    # The learning rate comes with each step.
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=0.0, betas=options.betas, eps=options.eps, fused=True
    )


def clip(parameters: Sequence[nn.Parameter], largest: float) -> float:
    """Scales gradients so that their norm over all parameters, of all processes, is at most `largest`; returns the norm before that."""
    value = total_norm([p.grad for p in parameters if p.grad is not None])
    if math.isfinite(value) and value > largest:
        factor = largest / value
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad.mul_(factor)
    return value


def total_norm(tensors: Sequence[torch.Tensor]) -> float:
    """Norm of all entries, over all processes."""
    norm = nn.utils.get_total_norm(tensors)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
