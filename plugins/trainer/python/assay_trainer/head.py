"""Log-probabilities of given tokens without the logits of all positions at once."""

from __future__ import annotations

import torch

# Elements of one chunk of logits: 2^25 float32 are 128 MiB, some 220 rows of a vocabulary of 152k, enough for an efficient product.
CHUNK_ELEMENTS = 1 << 25
LEAST_ROWS = 64


def chunk_rows(vocabulary: int) -> int:
    """Rows of a chunk for a vocabulary."""
    return max(LEAST_ROWS, CHUNK_ELEMENTS // vocabulary)


def _buffers(rows: int, table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Room for logits and probabilities of a chunk, used again by the next one: fresh pages of such a size cost more than what is computed in them."""
    shape = rows, table.shape[0]
    return tuple(torch.empty(shape, dtype=torch.float32, device=table.device) for _ in range(2))


class _ChunkedLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, targets, rows):  # noqa: ANN001, ANN205
        count = hidden.shape[0]
        table = weight.float()
        logprobs = torch.empty(count, dtype=torch.float32, device=hidden.device)
        entropies = torch.empty_like(logprobs)
        # One chunk is all there is: its probabilities are kept, and the backward pass has no product to repeat.
        keep = count <= rows and any(ctx.needs_input_grad)
        kept = None
        buffers = _buffers(min(rows, count), table)
        for start in range(0, count, rows):
            part = slice(start, min(start + rows, count))
            logits, shares = (buffer[: part.stop - start] for buffer in buffers)
            torch.mm(hidden[part].float(), table.t(), out=logits)
            torch.softmax(logits, -1, out=shares)
            # The largest probability is at least 1 / V, so that its logarithm is exact: minus that of the sum of exp(logit - top).
            top, peak = logits.amax(-1), shares.amax(-1).log()
            logprobs[part] = logits.gather(1, targets[part, None]).squeeze(1) - top + peak
            entropies[part] = top - peak - torch.linalg.vecdot(shares, logits)
            if keep:
                kept = shares
        ctx.rows = rows
        ctx.save_for_backward(hidden, weight, targets, kept)
        ctx.mark_non_differentiable(entropies)
        return logprobs, entropies

    @staticmethod
    def backward(ctx, grad, _):  # noqa: ANN001, ANN205
        hidden, weight, targets, kept = ctx.saved_tensors
        need_hidden, need_weight = ctx.needs_input_grad[:2]
        table = weight.float()
        grad_hidden = torch.zeros(hidden.shape, dtype=torch.float32, device=hidden.device) if need_hidden else None
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if need_weight else None
        # Tokens that the clip took out have no gradient, and cost none.
        active = grad.nonzero().squeeze(1)
        buffers = _buffers(min(ctx.rows, active.numel()), table) if kept is None else None
        for start in range(0, active.numel(), ctx.rows):
            index = active[start : start + ctx.rows]
            rows = hidden[index].float()
            # d log p / d logits = one at the target, minus the probabilities; the factor goes where there is less to multiply.
            if buffers is None:
                shares = kept[index]
            else:
                logits, shares = (buffer[: len(index)] for buffer in buffers)
                torch.mm(rows, table.t(), out=logits)
                torch.softmax(logits, -1, out=shares)
            shares.scatter_add_(1, targets[index, None], rows.new_full((len(index), 1), -1.0))
            factor = -grad[index, None]
            if grad_hidden is not None:
                grad_hidden[index] = (shares @ table).mul_(factor)
            if grad_weight is not None:
                grad_weight.addmm_(shares.t(), rows * factor)
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
