"""Log-probabilities of given tokens without the logits of all positions at once."""

from __future__ import annotations

import torch

# Elements of one chunk of logits: 2^25 float32 are 128 MiB, some 220 rows of a vocabulary of 152k, enough for an efficient product.
CHUNK_ELEMENTS = 1 << 25
LEAST_ROWS = 64


def chunk_rows(vocabulary: int) -> int:
    """Rows of a chunk for a vocabulary."""
    return max(LEAST_ROWS, CHUNK_ELEMENTS // vocabulary)


class _ChunkedLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, targets, rows):  # noqa: ANN001, ANN205
        count = hidden.shape[0]
        table = weight.float()
        logprobs = torch.empty(count, dtype=torch.float32, device=hidden.device)
        entropies = torch.empty_like(logprobs)
        normalizers = torch.empty_like(logprobs)
        # One chunk is all there is: its probabilities are kept, and the backward pass has no product to repeat.
        keep = count <= rows and any(ctx.needs_input_grad)
        kept = None
        for start in range(0, count, rows):
            part = slice(start, min(start + rows, count))
            logits = hidden[part].float() @ table.t()
            top = logits.amax(-1, keepdim=True)
            logits.sub_(top)
            chosen = logits.gather(1, targets[part, None]).squeeze(1)
            powers = logits.exp()
            total = powers.sum(-1)
            log_total = total.log()
            logprobs[part] = chosen - log_total
            entropies[part] = log_total - torch.linalg.vecdot(powers, logits) / total
            normalizers[part] = log_total + top.squeeze(1)
            if keep:
                kept = powers.div_(total[:, None])
        ctx.rows = rows
        ctx.save_for_backward(hidden, weight, targets, normalizers, kept)
        ctx.mark_non_differentiable(entropies)
        return logprobs, entropies

    @staticmethod
    def backward(ctx, grad, _):  # noqa: ANN001, ANN205
        hidden, weight, targets, normalizers, kept = ctx.saved_tensors
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        table = weight.float()
        grad_hidden = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device) if need_hidden else None
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if need_weight else None
        # Tokens that the clip took out have no gradient, and cost none.
        active = grad.nonzero().squeeze(1)
        for start in range(0, active.numel(), ctx.rows):
            index = active[start : start + ctx.rows]
            rows = hidden[index].float()
            if kept is None:
                slopes = (rows @ table.t()).sub_(normalizers[index, None]).exp_()
            else:
                slopes = kept[index]
            scale = grad[index, None]
            slopes.mul_(-scale)
            slopes.scatter_add_(1, targets[index, None], scale)
            if grad_hidden is not None:
                grad_hidden[index] = slopes @ table
            if grad_weight is not None:
                grad_weight.addmm_(slopes.t(), rows)
        if grad_hidden is not None:
            grad_hidden = grad_hidden.to(hidden.dtype)
        if grad_weight is not None:
            grad_weight = grad_weight.to(weight.dtype)
        return grad_hidden, grad_weight, None, None


def token_logprobs(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, rows: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities [N] of `targets` [N] under softmax(hidden [N, d] weight [V, d]^T), and entropies [N] in nats, which have no gradient.

    Float32 whatever the inputs are; at most `rows` x V logits are held at once, and the backward pass computes them again.
    """
    with torch.autocast(hidden.device.type, enabled=False):
        return _ChunkedLogprobs.apply(hidden, weight, targets, rows or chunk_rows(weight.shape[0]))
