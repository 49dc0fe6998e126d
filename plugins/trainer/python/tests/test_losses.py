"""Losses and gradients against formulas in float64, finite differences and cases by hand."""

import itertools
import math
from pathlib import Path

import pytest
import torch
from assay_trainer.losses import CrossEntropy, Policy, Tokens, loss_and_sums
from helpers import POLICY, Inside, assert_same, join, random_batch
from reference import in_float64, reference_loss

OPTIONS = {
    "cross entropy": {"kind": "cross_entropy", "normalizer": 20.0},
    "token ratios": POLICY,
    "wide and asymmetric": {**POLICY, "clip_low": 0.9, "clip_high": 2.0},
    "dual clip": {**POLICY, "dual_clip": 2.0},
    "importance sampling": {**POLICY, "tis_cap": 1.1},
    "sequence ratios": {**POLICY, "ratio_level": "sequence"},
    "sequence ratios, all options": {**POLICY, "ratio_level": "sequence", "dual_clip": 1.5, "tis_cap": 1.2},
    "cispo": {**POLICY, "surrogate": "cispo", "clip_high": 4.0},
    "cispo, sequence ratios": {**POLICY, "surrogate": "cispo", "ratio_level": "sequence", "tis_cap": 2.0},
}
LENGTHS = [12, 3, 25, 25, 1, 7]


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory, tokenizer: Path) -> Inside:
    return Inside(tmp_path_factory.mktemp("batches"), tokenizer)


def near_policy(inside: Inside, lengths: list[int], seed: int = 3) -> dict[str, torch.Tensor]:
    """A batch whose old log-probabilities are near the present ones, so that ratios fall on all sides of the clips."""
    batch = random_batch(lengths, seed)
    noise = torch.randn(sum(lengths), generator=torch.Generator().manual_seed(seed + 1))
    batch["old_logprobs"] = inside.logprobs(batch)["logprobs"] + 0.5 * noise
    batch["rollout_logprobs"] = batch["old_logprobs"] + 0.2 * noise.flip(0)
    batch["rollout_logprobs"][::5] = math.nan
    return batch


@pytest.mark.parametrize("name", OPTIONS)
def test_loss_and_gradients_equal_the_formula_in_float64(name: str, inside: Inside) -> None:
    batch = near_policy(inside, LENGTHS)
    inside.clear()
    sums = inside.accumulate(batch, OPTIONS[name])
    model = in_float64(inside.model)
    expected = reference_loss(model, batch, OPTIONS[name])
    expected.backward()
    assert sums["loss"] == pytest.approx(expected.item(), abs=1e-5)
    assert_same(inside.gradients(), {name: p.grad.float() for name, p in model.named_parameters()})


@pytest.mark.parametrize("name", [name for name in OPTIONS if "cispo" not in name])
def test_gradients_equal_finite_differences_in_float64(name: str, inside: Inside) -> None:
    batch = near_policy(inside, LENGTHS, seed=11)
    inside.clear()
    inside.accumulate(batch, OPTIONS[name])
    gradients = inside.gradients()
    generator = torch.Generator().manual_seed(5)
    directions = {key: torch.randn(g.shape, generator=generator, dtype=torch.float64) for key, g in gradients.items()}

    def at(distance: float) -> float:
        model = in_float64(inside.model)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                parameter.add_(directions[key], alpha=distance)
            return reference_loss(model, batch, OPTIONS[name]).item()

    step = 1e-7
    difference = (at(step) - at(-step)) / (2 * step)
    slope = sum((gradients[key].double() * directions[key]).sum().item() for key in gradients)
    length = math.sqrt(sum(g.double().square().sum().item() for g in gradients.values()))
    assert slope == pytest.approx(difference, abs=1e-5 * max(1.0, length))


@pytest.mark.parametrize(
    ("level", "surrogate", "dual", "tis"), list(itertools.product(("token", "sequence"), ("clip", "cispo"), (None, 1.7), (None, 1.05)))
)
def test_gradients_of_log_probabilities_pass_gradcheck(level: str, surrogate: str, dual: float | None, tis: float | None) -> None:
    generator = torch.Generator().manual_seed(1)
    random = lambda: torch.randn(14, generator=generator, dtype=torch.float64)  # noqa: E731
    old = random()
    owner = torch.tensor([0] * 5 + [1] * 2 + [2] * 7)
    tokens = Tokens(random().abs() + 0.1, owner, 3, random(), old, old + 0.3 * random())
    logprobs = (old + 0.4 * random()).requires_grad_()
    loss = Policy(3.0, 0.2, 0.3, level, surrogate, dual, tis)

    def value(changed: torch.Tensor) -> torch.Tensor:
        return loss_and_sums(loss, tokens, changed, torch.zeros(14))[0]

    if surrogate == "clip":
        assert torch.autograd.gradcheck(value, (logprobs,))
        return
    # CISPO's factor has no gradient: it is linear in the log-probabilities around the point where it is taken.
    (slope,) = torch.autograd.grad(value(logprobs), logprobs)
    assert (slope * logprobs).sum().item() == pytest.approx(value(logprobs).item())


def one(ratio: float, advantage: float, loss: Policy, rollout: float = math.nan) -> tuple[float, float, dict[str, float]]:
    """Value, slope and sums of a single token of weight 1 whose old log-probability is -1."""
    logprob = torch.tensor([-1.0 + math.log(ratio)], dtype=torch.float64, requires_grad=True)
    pick = lambda number: torch.tensor([number], dtype=torch.float64)  # noqa: E731
    tokens = Tokens(pick(1.0), torch.tensor([0]), 1, pick(advantage), pick(-1.0), pick(rollout))
    value, sums = loss_and_sums(loss, tokens, logprob, pick(0.5))
    value.backward()
    return value.item(), logprob.grad.item(), {name: float(total) for name, total in sums.items()}


CLIP = Policy(1.0, 0.2, 0.3, "token", "clip", 3.0)


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope", "clipped"),
    [
        # Inside of the bounds: -r A, and its slope is the same.
        (1.1, 2.0, -2.2, -2.2, None),
        (0.9, -2.0, 1.8, 1.8, None),
        # Up with a good action, beyond 1.3: the clip holds it.
        (1.5, 2.0, -2.6, 0.0, "clipped_high"),
        # Down with a good action: the minimum doesn't clip.
        (0.5, 2.0, -1.0, -1.0, None),
        # Down with a bad action, below 0.8.
        (0.5, -2.0, 1.6, 0.0, "clipped_low"),
        # Up with a bad action: not clipped before the dual clip, 3.
        (2.5, -2.0, 5.0, 5.0, None),
        (4.0, -2.0, 6.0, 0.0, "clipped_dual"),
        # The logarithm of a ratio is held at 20.
        (math.exp(30), 1.0, -1.3, 0.0, "clipped_high"),
    ],
)
def test_cases_by_hand(ratio: float, advantage: float, value: float, slope: float, clipped: str | None) -> None:
    found, derivative, sums = one(ratio, advantage, CLIP)
    assert found == pytest.approx(value)
    assert derivative == pytest.approx(slope)
    assert {name: sums[name] for name in sums if name.startswith("clipped")} == {
        name: float(name == clipped) for name in ("clipped_low", "clipped_high", "clipped_dual")
    }
    held = min(ratio, math.exp(20))
    assert sums["ratio"] == pytest.approx(held)
    assert sums["kl_old"] == pytest.approx(held - 1 - math.log(held))


def test_cispo_by_hand_weights_the_log_probability_by_the_held_ratio() -> None:
    value, slope, sums = one(2.0, 3.0, Policy(1.0, 0.2, 0.5, "token", "cispo"))
    assert value == pytest.approx(-1.5 * 3.0 * (-1.0 + math.log(2.0)))
    assert slope == pytest.approx(-4.5)
    assert sums["clipped_high"] == 1


def test_importance_sampling_by_hand() -> None:
    loss = Policy(2.0, 0.2, 0.3, "token", "clip", None, 1.5)
    value, slope, sums = one(1.0, 1.0, loss, rollout=-1.0 - math.log(1.2))
    assert (value, slope) == (pytest.approx(-0.6), pytest.approx(-0.6))
    assert sums["mismatch_kl"] == pytest.approx(1.2 - 1 - math.log(1.2))
    assert sums["mismatch_abs"] == pytest.approx(math.log(1.2))
    assert (sums["mismatch_tokens"], sums["tis_capped"]) == (1, 0)
    value, _, sums = one(1.0, 1.0, loss, rollout=-3.0)
    assert (value, sums["tis_capped"]) == (pytest.approx(-0.75), 1)


def test_sequence_ratio_by_hand_is_the_geometric_mean() -> None:
    logprobs = torch.tensor([-1.0 + math.log(1.2), -2.0 + math.log(0.9), -1.0], dtype=torch.float64, requires_grad=True)
    pick = lambda *numbers: torch.tensor(numbers, dtype=torch.float64)  # noqa: E731
    tokens = Tokens(pick(1, 3, 1), torch.tensor([0, 0, 1]), 2, pick(1, 1, 1), pick(-1, -2, -1))
    value, sums = loss_and_sums(Policy(1.0, 0.2, 0.3, "sequence", "clip"), tokens, logprobs, pick(0, 0, 0))
    value.backward()
    mean = math.sqrt(1.2 * 0.9)
    assert value.item() == pytest.approx(-4 * mean - 1)
    # Each of the two tokens moves the ratio of both by half.
    assert logprobs.grad.tolist() == pytest.approx([-2 * mean, -2 * mean, -1])
    assert sums["ratio"].item() == pytest.approx(2 * mean + 1)


def test_cross_entropy_by_hand() -> None:
    logprobs = torch.tensor([-0.5, -2.0], requires_grad=True)
    tokens = Tokens(torch.tensor([1.0, 0.25]), torch.tensor([0, 0]), 1)
    value, sums = loss_and_sums(CrossEntropy(4.0), tokens, logprobs, torch.tensor([1.0, 2.0]))
    value.backward()
    assert (value.item(), logprobs.grad.tolist()) == (0.25, [-0.25, -0.0625])
    assert (float(sums["tokens"]), float(sums["entropy"])) == (2, 3)


@pytest.mark.parametrize("name", ["token ratios", "sequence ratios, all options", "cross entropy"])
def test_any_split_into_calls_and_micro_batches_gives_the_same(name: str, tmp_path: Path, tokenizer: Path) -> None:
    whole = Inside(tmp_path, tokenizer, micro_batch_tokens=1000)
    batch = near_policy(whole, LENGTHS)
    expected = whole.accumulate(batch, OPTIONS[name])
    for tokens, calls in ((1, [[0, 1, 2, 3, 4, 5]]), (30, [[5, 4, 3, 2, 1, 0]]), (40, [[2], [4], [0, 5], [1, 3]])):
        split = Inside(tmp_path, tokenizer, micro_batch_tokens=tokens)
        parts = [split.accumulate(join(batch, call), OPTIONS[name]) for call in calls]
        assert_same(split.gradients(), whole.gradients())
        for key, value in expected.items():
            assert sum(part[key] for part in parts) == pytest.approx(value, rel=1e-5, abs=1e-5), key


def test_tokens_that_came_with_something_not_finite_are_left_out_and_counted(inside: Inside) -> None:
    batch = near_policy(inside, LENGTHS)
    places = (batch["weights"] != 0).nonzero().squeeze(1)
    broken = {name: tensor.clone() for name, tensor in batch.items()}
    broken["old_logprobs"][places[3]] = math.nan
    broken["advantages"][places[8]] = math.inf
    broken["rollout_logprobs"][places[9]] = -math.inf
    broken["old_logprobs"][0] = math.nan
    for place in (3, 8, 9):
        batch["weights"][places[place]] = 0.0
    inside.clear()
    found = inside.accumulate(broken, OPTIONS["sequence ratios, all options"])
    gradients = inside.gradients()
    inside.clear()
    expected = inside.accumulate(batch, OPTIONS["sequence ratios, all options"])
    assert_same(gradients, inside.gradients())
    assert found == {**expected, "non_finite": 3}
