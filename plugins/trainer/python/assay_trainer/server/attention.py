"""The attention of the server's passes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "assay_server"


def rows_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **others: Any,
) -> tuple[Tensor, None]:
    """SDPA of queries [n, heads, q, d] on states of fewer heads, which are not copied for each of the query's heads as transformers does."""
    for name in ("softcap", "s_aux", "position_bias"):
        if others.get(name) is not None:
            raise ValueError(f"the server can't sample from a model whose attention has a {name}")
    rows, heads, width, _ = query.shape
    groups = heads // key.shape[1]
    if width > 1 and attention_mask is not None and attention_mask.shape[2] != groups * width:
        attention_mask = attention_mask.repeat(1, 1, groups, 1)
    output = torch.nn.functional.scaled_dot_product_attention(
        query.reshape(rows, key.shape[1], groups * width, query.shape[3]), key, value, attn_mask=attention_mask, scale=scaling
    )
    return output.view(rows, heads, width, value.shape[3]).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register(NAME, rows_attention)
