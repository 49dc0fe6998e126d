"""Loss and gradients against TRL's and Liger's own code, on the same batches."""

from __future__ import annotations

import copy
import types
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import POLICY, VOCABULARY, Inside, assert_same

PROMPTS, COMPLETIONS = (4, 9, 1, 6), (11, 3, 8, 1)


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Inside:
    return Inside(tmp_path_factory.mktemp("parity"), tokenizer, micro_batch_tokens=30)


class Padded:
    """Prompts padded on the left and completions on the right, as TRL and Liger want them; and the same as our batch."""

    def __init__(self, inside: Inside, per_token: bool, holes: bool, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        random = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
        count, width, longest = len(PROMPTS), max(PROMPTS), max(COMPLETIONS)
        self.prompt_ids, self.prompt_mask = torch.zeros(count, width, dtype=torch.long), torch.zeros(count, width, dtype=torch.long)
        self.completion_ids = torch.zeros(count, longest, dtype=torch.long)
        self.completion_mask = torch.zeros(count, longest, dtype=torch.long)
        for row, (prompt, completion) in enumerate(zip(PROMPTS, COMPLETIONS)):
            self.prompt_ids[row, width - prompt :] = torch.randint(0, VOCABULARY, (prompt,), generator=generator)
            self.prompt_mask[row, width - prompt :] = 1
            self.completion_ids[row, :completion] = torch.randint(0, VOCABULARY, (completion,), generator=generator)
            self.completion_mask[row, :completion] = 1
        # Answers of tools within a completion: in the context, not in the loss.
        self.tool_mask = (torch.rand(count, longest, generator=generator) > 0.25).long() if holes else torch.ones_like(self.completion_mask)
        self.mask = self.completion_mask * self.tool_mask
        self.advantages = random(count, longest) if per_token else random(count)
        lengths = [p + c for p, c in zip(PROMPTS, COMPLETIONS)]
        ids = torch.cat([torch.cat([self.prompt_ids[r, width - PROMPTS[r] :], self.completion_ids[r, : COMPLETIONS[r]]]) for r in range(count)])
        bounds = torch.tensor([0, *lengths]).cumsum(0)
        self.batch = {"input_ids": ids.int(), "cu_seqlens": bounds.int(), "weights": torch.zeros(len(ids))}
        present = inside.logprobs(self.batch)["logprobs"]
        self.old, self.rollout = torch.zeros(count, longest), torch.zeros(count, longest)
        for row in range(count):
            self.old[row, : COMPLETIONS[row]] = present[bounds[row] + PROMPTS[row] : bounds[row + 1]]
        self.old = self.old + 0.5 * random(count, longest)
        self.rollout = self.old + 0.2 * random(count, longest)

    def as_batch(self, weights: torch.Tensor) -> dict[str, torch.Tensor]:
        """Our batch, with the weights [B, completion] of its tokens."""
        wide = self.advantages if self.advantages.dim() == 2 else self.advantages[:, None].expand(weights.shape)
        batch = dict(self.batch)
        streams = {"weights": weights, "advantages": wide, "old_logprobs": self.old, "rollout_logprobs": self.rollout}
        for name, values in streams.items():
            batch[name] = torch.cat([torch.cat([torch.zeros(p), values[r, :c]]) for r, (p, c) in enumerate(zip(PROMPTS, COMPLETIONS))])
        return batch


OPTIONS: dict[str, dict[str, Any]] = {
    "asymmetric clip": {},
    "wide clip": {"clip_low": 0.6, "clip_high": 1.5},
    "dual clip": {"dual_clip": 1.6},
    "importance sampling": {"tis_cap": 1.1},
    "sequence ratios": {"ratio_level": "sequence"},
    "sequence ratios, dual clip, importance sampling": {"ratio_level": "sequence", "dual_clip": 1.6, "tis_cap": 1.05},
    "cispo": {"surrogate": "cispo", "clip_high": 0.5},
    "cispo, importance sampling": {"surrogate": "cispo", "clip_high": 0.5, "tis_cap": 1.1},
}
# How each of TRL's loss types weighs a token, and what it divides by.
REDUCTIONS = ("dapo", "grpo", "dr_grpo", "bnpo")


def weights_of(kind: str, padded: Padded) -> tuple[torch.Tensor, float]:
    mask = padded.mask.float()
    if kind == "grpo":
        return mask / mask.sum(-1, keepdim=True).clamp(min=1.0), float(len(mask))
    if kind == "dr_grpo":
        return mask, float(len(mask) * 16)
    return mask, float(mask.sum())


def tis_ratio(padded: Padded, loss: dict[str, Any]) -> torch.Tensor | None:
    return (padded.old - padded.rollout).exp().clamp(max=loss["tis_cap"]) if "tis_cap" in loss else None


def trl_loss(model: torch.nn.Module, kind: str, padded: Padded, loss: dict[str, Any]) -> torch.Tensor:
    """`GRPOTrainer._compute_loss` itself, on an object that has what it reads."""
    grpo = pytest.importorskip("trl.trainer.grpo_trainer", reason="TRL is not installed: pip install -r requirements-test.txt")
    from accelerate import Accelerator
    from trl.trainer.utils import add_fused_lm_head

    add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    model.train()
    cispo = loss["surrogate"] == "cispo"
    ratio = tis_ratio(padded, loss)
    trainer = object.__new__(grpo.GRPOTrainer)
    trainer.__dict__ |= {
        "model": model,
        "accelerator": Accelerator(cpu=True),
        "args": types.SimpleNamespace(delta=loss.get("dual_clip"), steps_per_generation=1, report_to=[], use_bias_correction_kl=False),
        "loss_type": "cispo" if cispo else kind,
        # TRL's bound of CISPO is that of the ratio itself.
        "epsilon_low": loss["clip_low"],
        "epsilon_high": loss["clip_high"] + (1.0 if cispo else 0.0),
        "importance_sampling_level": loss["ratio_level"],
        "max_completion_length": 16,
        "beta": 0.0,
        "aux_loss_enabled": False,
        "top_entropy_quantile": 1.0,
        "off_policy_mask_threshold": None,
        "use_vllm": ratio is not None,
        "vllm_importance_sampling_correction": True,
        "current_gradient_accumulation_steps": 1,
        "_entropy_bonus_enabled": False,
        "_metrics": defaultdict(lambda: defaultdict(list)),
    }
    inputs = {
        "prompt_ids": padded.prompt_ids,
        "prompt_mask": padded.prompt_mask,
        "completion_ids": padded.completion_ids,
        "completion_mask": padded.completion_mask,
        "tool_mask": padded.tool_mask,
        "advantages": padded.advantages,
        "old_per_token_logps": padded.old,
        "num_items_in_batch": padded.mask.sum(),
        "importance_sampling_ratio": ratio,
    }
    return trainer._compute_loss(model, inputs)


def liger_loss(model: torch.nn.Module, kind: str, padded: Padded, loss: dict[str, Any]) -> torch.Tensor:
    """`LigerFusedLinearGRPOLoss` on the hidden states of the same model."""
    chunked = pytest.importorskip("liger_kernel.chunked_loss", reason="Liger is not installed: pip install -r requirements-test.txt")
    cispo = loss["surrogate"] == "cispo"
    ids = torch.cat([padded.prompt_ids, padded.completion_ids], 1)
    mask = torch.cat([padded.prompt_mask, padded.completion_mask], 1)
    hidden = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    width = padded.prompt_ids.shape[1]
    function = chunked.LigerFusedLinearGRPOLoss(
        beta=0.0,
        compiled=False,
        use_ref_model=False,
        chunk_size=1,
        epsilon_low=loss["clip_low"],
        epsilon_high=loss["clip_high"] + (1.0 if cispo else 0.0),
        loss_type="cispo" if cispo else kind,
        max_completion_length=16,
        importance_sampling_level=loss["ratio_level"],
        delta=loss.get("dual_clip"),
    )
    value, _ = function(
        hidden[:, width - 1 : -1],
        model.lm_head.weight,
        padded.completion_ids,
        padded.mask,
        padded.advantages,
        old_per_token_logps=padded.old,
        vllm_is_ratio=tis_ratio(padded, loss),
    )
    return value


def compare(inside: Inside, padded: Padded, kind: str, options: dict[str, Any], other: Any) -> None:
    loss = {**POLICY, **options}
    model = copy.deepcopy(inside.model)
    model.zero_grad()
    expected = other(model, kind, padded, loss)
    expected.backward()
    weights, normalizer = weights_of(kind, padded)
    inside.clear()
    sums = inside.accumulate(padded.as_batch(weights), {**loss, "normalizer": normalizer})
    assert sums["loss"] == pytest.approx(expected.item(), abs=1e-5)
    assert_same(inside.gradients(), {name: p.grad for name, p in model.named_parameters()})


@pytest.mark.parametrize("holes", [False, True], ids=["whole completions", "with masked tokens"])
@pytest.mark.parametrize("name", OPTIONS)
def test_equals_trl(name: str, holes: bool, inside: Inside) -> None:
    compare(inside, Padded(inside, per_token=False, holes=holes), "dapo", OPTIONS[name], trl_loss)


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_equals_trl_under_each_normaliser(kind: str, inside: Inside) -> None:
    compare(inside, Padded(inside, per_token=False, holes=True, seed=1), kind, {"dual_clip": 2.0}, trl_loss)


def test_equals_trl_with_an_advantage_for_each_token(inside: Inside) -> None:
    compare(inside, Padded(inside, per_token=True, holes=True, seed=2), "dapo", {"tis_cap": 1.1}, trl_loss)


@pytest.mark.parametrize("holes", [False, True], ids=["whole completions", "with masked tokens"])
@pytest.mark.parametrize("name", OPTIONS)
def test_equals_liger(name: str, holes: bool, inside: Inside) -> None:
    compare(inside, Padded(inside, per_token=False, holes=holes, seed=3), "dapo", OPTIONS[name], liger_loss)


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_equals_liger_under_each_normaliser(kind: str, inside: Inside) -> None:
    compare(inside, Padded(inside, per_token=False, holes=True, seed=4), kind, {}, liger_loss)
