"""The chunked head against the plain one."""

import pytest
import torch
from assay_trainer.head import token_logprobs


@pytest.mark.parametrize("rows", [1, 7, 16, 64])
def test_log_probabilities_entropies_and_gradients_equal_the_plain_head(rows: int) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(40, 12, generator=generator, requires_grad=True)
    weight = torch.randn(50, 12, generator=generator, requires_grad=True)
    targets = torch.randint(0, 50, (40,), generator=generator)
    slopes = torch.randn(40, generator=generator)
    slopes[::4] = 0.0
    plain = (hidden @ weight.t()).log_softmax(-1)
    expected = plain.gather(1, targets[:, None]).squeeze(1)
    wanted = torch.autograd.grad((expected * slopes).sum(), (hidden, weight))
    found, entropies = token_logprobs(hidden, weight, targets, rows)
    gradients = torch.autograd.grad((found * slopes).sum(), (hidden, weight))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(entropies, -(plain.exp() * plain).sum(-1), rtol=1e-5, atol=1e-5)
    assert not entropies.requires_grad
    for gradient, other in zip(gradients, wanted):
        torch.testing.assert_close(gradient, other, rtol=1e-5, atol=1e-5)


def test_extreme_logits_stay_finite() -> None:
    hidden = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    weight = torch.tensor([[1.0], [-1.0], [0.0]])
    found, entropies = token_logprobs(hidden, weight, torch.tensor([0, 0]), 1)
    found.sum().backward()
    assert found.tolist() == [0.0, -2e4]
    assert entropies.tolist() == [0.0, 0.0]
    assert bool(hidden.grad.isfinite().all())


def test_bfloat16_inputs_are_computed_in_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(9, 16, generator=generator).bfloat16().requires_grad_()
    weight = torch.randn(30, 16, generator=generator)
    targets = torch.arange(9)
    with torch.autocast("cpu", torch.bfloat16):
        found, _ = token_logprobs(hidden, weight, targets, 4)
    expected = (hidden.float() @ weight.t()).log_softmax(-1).gather(1, targets[:, None]).squeeze(1)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    found.sum().backward()
    assert hidden.grad.dtype == torch.bfloat16
