"""SkyRL: a single-turn environment for skyrl-gym, and a mask for what a generator gives.

`register(id="assay", entry_point="assay_oracle.skyrl:AssayEnv")`. Where there is no reward, `step` raises, which ends the
generation. With `kwargs={"mask_unscorable": True}` it gives 0 and says so in its metrics; then the generator must return
`masked(input, output)`. That takes all rows of the prompt out of the loss, as the 0 counts in their mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from assay_oracle.client import Client, default_client
from assay_oracle.patch import patch_of


class AssayEnv(BaseTextEnv):
    """The row of the dataset names its instance in `instance_id`, or in `reward_spec.ground_truth`."""

    def __init__(
        self,
        env_config: Any = None,
        extras: Mapping[str, Any] = {},
        *,
        mask_unscorable: bool = False,
        client: Client | None = None,
    ) -> None:
        super().__init__()
        spec = extras.get("reward_spec") or {}
        self.instance_id: str = extras.get("instance_id") or spec["ground_truth"]
        self.mask_unscorable = mask_unscorable
        self.client = client or default_client()
        self.unscorable = 0.0

    def step(self, action: str) -> BaseTextEnvStepOutput:
        self.turns += 1
        score = self.client.score(self.instance_id, patch_of(action))
        if score.reward is None and self.mask_unscorable:
            self.unscorable = 1.0
        reward = 0.0 if self.unscorable else score.require()
        return BaseTextEnvStepOutput(
            observations=[], reward=reward, done=True, metadata={"outcome": score.outcome}
        )

    def get_metrics(self) -> dict[str, Any]:
        return {"unscorable": self.unscorable}


def masked(given: Mapping[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    """Of a GeneratorInput and its GeneratorOutput: no loss on any row of a prompt of which one row has no reward."""
    metrics = output.get("env_metrics")
    if metrics is None:
        raise ValueError("the generator gave no env_metrics; set generator.batched to false")
    # Only step-wise output, which has more rows than its input, has ids of its own.
    ids = output.get("trajectory_ids") or given["trajectory_ids"]
    lost = {each.instance_id for each, of_row in zip(ids, metrics) if of_row.get("unscorable")}
    rows = zip(output["loss_masks"], ids)
    return {
        **output,
        "loss_masks": [[0] * len(mask) if each.instance_id in lost else mask for mask, each in rows],
    }
