"""slime: `--custom-rm-path assay_oracle.slime.custom_rm --custom-reward-post-process-path assay_oracle.slime.post_process`.

A sample that can't be scored is marked `remove_sample`, so that none of its tokens is trained; the second function keeps
it out of its group's mean, which slime's own doesn't. Without the second one the first raises, for 0 would count there.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from assay_oracle.client import Client, default_client
from assay_oracle.patch import patch_of

POST_PROCESS = "assay_oracle.slime.post_process"

_CENTRED = ("grpo", "gspo", "cispo", "reinforce_plus_plus_baseline")
_SCALED = ("grpo", "gspo", "cispo")


async def custom_rm(args: Any, sample: Any, **_more: Any) -> float:
    return await reward_of(default_client(), args, sample)


async def reward_of(client: Client, args: Any, sample: Any) -> float:
    """The instance is the sample's `metadata.instance_id`, or else its label."""
    name = (sample.metadata or {}).get("instance_id") or sample.label
    if not isinstance(name, str):
        raise ValueError(
            "the sample names no instance: put its id into metadata.instance_id, or make it the label"
        )
    score = await client.ascore(name, patch_of(sample.response))
    if score.reward is None and getattr(args, "custom_reward_post_process_path", None) == POST_PROCESS:
        sample.remove_sample = True
        return 0.0
    return score.require()


def post_process(args: Any, samples: Sequence[Any]) -> tuple[list[float], list[float]]:
    """Raw rewards, and what slime makes of them for this estimator, over the samples of each group that have one."""
    raw = [float(sample.get_reward_value(args)) for sample in samples]
    if args.advantage_estimator not in _CENTRED or not args.rewards_normalization:
        return raw, raw
    scaled = args.advantage_estimator in _SCALED and args.grpo_std_normalization
    groups: dict[int | None, list[int]] = {}
    for i, sample in enumerate(samples):
        if not sample.remove_sample:
            groups.setdefault(sample.group_index, []).append(i)
    rewards = [0.0] * len(raw)
    for members in groups.values():
        of_group = [raw[i] for i in members]
        centre = mean(of_group)
        scale = stdev(of_group) + 1e-6 if scaled and len(members) > 1 else 1.0
        for i in members:
            rewards[i] = (raw[i] - centre) / scale
    return raw, rewards
