"""TRL: a reward function. `GRPOTrainer(reward_funcs=assay_reward)`; the dataset has a column `instance_id`.

None is TRL's own word for a completion that can't be scored: it is left out of its group's mean and gets no advantage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay_oracle.client import Client, default_client
from assay_oracle.patch import Completion, patch_of


async def assay_reward(
    completions: Sequence[Completion], instance_id: Sequence[str], **_columns: Any
) -> list[float | None]:
    return await rewards_of(default_client(), completions, instance_id)


async def rewards_of(
    client: Client, completions: Sequence[Completion], instance_ids: Sequence[str]
) -> list[float | None]:
    pairs = zip(instance_ids, completions)
    scores = await client.ascore_many(
        [client.request(name, patch_of(completion)) for name, completion in pairs]
    )
    return [score.reward for score in scores]
