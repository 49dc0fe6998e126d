"""The losses once more, straight from their formulas, in float64, sequence by sequence and token by token."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from helpers import rows


class _Norm(torch.nn.Module):
    """RMSNorm in the precision of its input; that of transformers computes in float32 always."""

    def __init__(self, norm: torch.nn.Module) -> None:
        super().__init__()
        self.weight, self.eps = norm.weight, norm.variance_epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)


def in_float64(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of a model that computes in float64 throughout."""
    model = copy.deepcopy(model).double()
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if hasattr(child, "variance_epsilon"):
                setattr(parent, name, _Norm(child))
    model.zero_grad()
    return model


def reference_loss(model: torch.nn.Module, batch: dict[str, torch.Tensor], loss: dict[str, Any]) -> torch.Tensor:
    """The loss of a batch by the model's own logits; loops, no tricks."""
    total = torch.zeros((), dtype=torch.float64)
    for part in rows(batch):
        ids = batch["input_ids"][part].long()
        scores = model(input_ids=ids[None], use_cache=False).logits[0].double().log_softmax(-1)
        values = {name: tensor[part].double() for name, tensor in batch.items() if name not in ("input_ids", "cu_seqlens")}
        places = [t for t in range(len(ids)) if values["weights"][t] != 0]
        if loss["kind"] == "policy":
            places = [t for t in places if math.isfinite(values["old_logprobs"][t]) and math.isfinite(values["advantages"][t])]
        chosen = {t: scores[t - 1, ids[t]] for t in places}
        logs = {t: (chosen[t] - values["old_logprobs"][t]).clamp(-20, 20) for t in places} if loss["kind"] == "policy" else {}
        for t in places:
            total = total + values["weights"][t] * _term(loss, values, chosen, logs, t)
    return total / loss["normalizer"]


def _term(
    loss: dict[str, Any], values: dict[str, torch.Tensor], chosen: dict[int, torch.Tensor], logs: dict[int, torch.Tensor], t: int
) -> torch.Tensor:
    if loss["kind"] == "cross_entropy":
        return -chosen[t]
    log_ratio = logs[t] if loss["ratio_level"] == "token" else sum(logs.values()) / len(logs)
    ratio, advantage, high = log_ratio.exp(), values["advantages"][t], 1 + loss["clip_high"]
    if loss["surrogate"] == "cispo":
        objective = ratio.detach().clamp(max=high) * advantage * chosen[t]
    else:
        objective = torch.min(ratio * advantage, ratio.clamp(1 - loss["clip_low"], high) * advantage)
        if loss.get("dual_clip") and advantage < 0:
            objective = torch.max(objective, loss["dual_clip"] * advantage)
    factor = 1.0
    if loss.get("tis_cap") and "rollout_logprobs" in values and not math.isnan(values["rollout_logprobs"][t]):
        factor = min(math.exp(values["old_logprobs"][t] - values["rollout_logprobs"][t]), loss["tis_cap"])
    return -factor * objective
