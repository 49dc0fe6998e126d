"""One pass of any causal language model of transformers over rows of states."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from .rows import LENGTH_STEP, Rows


class Forward:
    """Calls the model with masks and positions made here, which is cheaper than letting each call find them out."""

    def __init__(self, model: Any) -> None:
        self._model = model
        config = model.config.get_text_config()
        self._config = config
        self.vocabulary: int = config.vocab_size
        kinds = list(dict.fromkeys(getattr(config, "layer_types", None) or []))
        self._window: int | None = getattr(config, "sliding_window", None)
        unknown = [kind for kind in kinds if kind not in ("full_attention", "sliding_attention")]
        if unknown:
            raise ValueError(f"the server can't sample from {type(model).__name__}: it has layers of type {unknown[0]}")
        if not kinds:
            kinds = ["full_attention" if self._window is None else "sliding_attention"]
        self._kinds = kinds
        base = getattr(model, "get_base_model", lambda: model)()
        self._keeps_last = "logits_to_keep" in inspect.signature(base.forward).parameters

    @torch.no_grad()
    def __call__(self, rows: Rows, first: int, ids: Tensor, slots: Tensor) -> Tensor:
        """Float32 logits [n, vocabulary] after the last of the ids [n, q] of rows from `first`; `slots` are their positions, -1: padding at the left."""
        model = self._model
        columns = min(rows.length, -(-(int(slots.max()) + 1) // LENGTH_STEP) * LENGTH_STEP)
        ids, slots = ids.to(rows.device), slots.to(rows.device)
        rows.window(first, slots, columns)
        masks = self._masks(slots, columns, rows.dtype)
        was_training = model.training
        attention = self._config._attn_implementation
        if was_training:
            model.eval()
        if attention not in ("sdpa", "eager"):
            self._config._attn_implementation = "sdpa"
        try:
            output = model(
                input_ids=ids,
                attention_mask=masks if len(masks) > 1 else next(iter(masks.values())),
                position_ids=slots.clamp(min=0),
                cache=rows.cache,
                use_cache=True,
                **({"logits_to_keep": 1} if self._keeps_last else {}),
            )
        finally:
            if was_training:
                model.train()
            if attention not in ("sdpa", "eager"):
                self._config._attn_implementation = attention
        return output.logits[:, -1].float()

    def _masks(self, slots: Tensor, columns: int, dtype: torch.dtype) -> dict[str, Tensor]:
        # Padding looks at position 0, as a softmax over nothing is not a number.
        at = slots.clamp(min=0)[:, None, :, None]
        column = torch.arange(columns, device=slots.device)
        is_hidden = column > at
        masks = {}
        for kind in self._kinds:
            hidden = is_hidden
            if kind == "sliding_attention" and self._window is not None:
                hidden = hidden | (column <= at - self._window)
            masks[kind] = torch.zeros(hidden.shape, dtype=dtype, device=slots.device).masked_fill_(hidden, float("-inf"))
        return masks
