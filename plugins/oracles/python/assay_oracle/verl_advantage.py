"""verl: GRPO advantages that leave out rows without a reward.

`VERL_USE_EXTERNAL_MODULES=assay_oracle.verl_advantage` and `algorithm.adv_estimator=grpo_scored`. A row counts where it
has a token to train and a finite reward; all others get no advantage, and neither does a group of which one row is left.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage, register_adv_est


@register_adv_est("grpo_scored")
def compute_grpo_scored_advantage(
    token_level_rewards: torch.Tensor,
    response_mask: torch.Tensor,
    index: np.ndarray,
    config: Any | None = None,
    **_more: Any,
) -> tuple[torch.Tensor, torch.Tensor]:
    scored = (response_mask.sum(dim=-1) > 0) & torch.isfinite(token_level_rewards.sum(dim=-1))
    left = Counter(group for group, counts in zip(index, scored.tolist()) if counts)
    # verl takes the bare reward for the advantage in a group of one.
    kept = scored & torch.tensor([left[group] > 1 for group in index], device=scored.device)
    advantages = torch.zeros_like(token_level_rewards)
    if kept.any():
        advantages[kept], _ = compute_grpo_outcome_advantage(
            token_level_rewards[kept],
            response_mask[kept],
            index[kept.cpu().numpy()],
            norm_adv_by_std_in_grpo=True if config is None else config.get("norm_adv_by_std_in_grpo", True),
        )
    return advantages, advantages
