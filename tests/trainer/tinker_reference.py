"""What a step of a Tinker server with LoRA should have done, by transformers and the losses of the local trainer: for tinker-real.test.ts.

Reads one JSON object from stdin, writes one to stdout. Sampler archives (tar with a PEFT adapter) say what the weights were.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from typing import Any

import torch
from assay_trainer import losses
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForCausalLM

ALPHA = 32.0


class LoraLinear(nn.Module):
    """A frozen layer and its adapter."""

    def __init__(self, base: nn.Module, a: nn.Parameter, b: nn.Parameter) -> None:
        super().__init__()
        self.base = base
        self.a = a
        self.b = b

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + (x @ self.a.T @ self.b.T) * (ALPHA / self.a.shape[0])


def adapter(archive: str) -> dict[str, torch.Tensor]:
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
        return load_file(f"{folder}/adapter_model.safetensors")


def with_adapter(folder: str, tensors: dict[str, torch.Tensor]) -> tuple[nn.Module, dict[str, nn.Parameter]]:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.requires_grad_(False)
    parameters: dict[str, nn.Parameter] = {}
    # SkyRL's JAX backend has one A for q, k and v, and one for gate and up; archives repeat it.
    shared: dict[bytes, nn.Parameter] = {}
    for name in [key.removesuffix(".lora_A.weight") for key in tensors if key.endswith(".lora_A.weight")]:
        path = name.removeprefix("base_model.model.")
        parent, _, leaf = path.rpartition(".")
        given = tensors[f"{name}.lora_A.weight"]
        a = shared.setdefault(given.numpy().tobytes(), nn.Parameter(given.clone()))
        b = nn.Parameter(tensors[f"{name}.lora_B.weight"].clone())
        setattr(model.get_submodule(parent), leaf, LoraLinear(model.get_submodule(path), a, b))
        parameters |= {f"{name}.lora_A.weight": a, f"{name}.lora_B.weight": b}
    return model, parameters


def logprobs_of(model: nn.Module, tokens: list[int]) -> torch.Tensor:
    ids = torch.tensor([tokens])
    scores = model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
    return torch.cat([torch.zeros(1), scores.gather(-1, ids[0, 1:, None])[:, 0]])


def chosen(batch: list[dict[str, Any]], logprobs: list[torch.Tensor]) -> tuple[losses.Tokens, torch.Tensor]:
    """The tokens with a weight, as the losses want them; null stands for NaN."""
    def flat(name: str) -> torch.Tensor:
        nan = float("nan")
        return torch.tensor([nan if value is None else value for sequence in batch for value in sequence[name]])

    weights = flat("weights")
    kept = weights != 0
    number = torch.tensor([index for index, sequence in enumerate(batch) for _ in sequence["tokens"]])
    policy = "advantages" in batch[0]
    rollout = flat("rolloutLogprobs")[kept] if "rolloutLogprobs" in batch[0] else None
    tokens = losses.Tokens(
        weights=weights[kept],
        sequence=number[kept],
        sequences=len(batch),
        advantages=flat("advantages")[kept] if policy else None,
        old=flat("oldLogprobs")[kept] if policy else None,
        rollout=rollout,
    )
    return tokens, torch.cat(logprobs)[kept]


def loss_of(given: dict[str, Any]) -> losses.Loss:
    if given["kind"] == "cross_entropy":
        return losses.CrossEntropy(given["normalizer"])
    return losses.Policy(
        normalizer=given["normalizer"],
        clip_low=given["clipLow"],
        clip_high=given["clipHigh"],
        ratio_level=given["ratioLevel"],
        surrogate=given["surrogate"],
        dual_clip=given.get("dualClip"),
        tis_cap=given.get("tisCap"),
    )


def main() -> None:
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    model, parameters = with_adapter(asked["model"], adapter(asked["before"]))
    logprobs = [logprobs_of(model, sequence["tokens"]) for sequence in asked["batch"]]
    answer: dict[str, Any] = {"logprobs": [values.tolist() for values in logprobs]}
    if "loss" in asked:
        tokens, present = chosen(asked["batch"], logprobs)
        value, sums = losses.loss_and_sums(loss_of(asked["loss"]), tokens, present, torch.zeros_like(present))
        value.backward()
        after = adapter(asked["after"])
        worst = largest = 0.0
        # AdamW without memory (betas 0): the update is rate x gradient / (|gradient| + eps).
        for name, parameter in parameters.items():
            gradient = parameter.grad
            update = gradient / (gradient.abs() + asked["eps"]) + asked["weightDecay"] * parameter.detach()
            change = after[name] - parameter.detach()
            worst = max(worst, (change + asked["learningRate"] * update).abs().max().item())
            largest = max(largest, change.abs().max().item())
        answer |= {"sums": losses.as_answer({name: value.item() for name, value in sums.items()})}
        answer |= {"worst": worst, "largest": largest}
        answer |= {"norm": torch.cat([p.grad.flatten() for p in set(parameters.values())]).norm().item()}
    json.dump(answer, sys.stdout)


main()
