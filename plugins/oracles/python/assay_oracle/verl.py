"""verl: reward functions, and a hook for agent loops.

`reward.custom_reward_function.path` is this file and `.name` is `compute_score` or `compute_score_nan`. verl has no
word for "can't be scored": the first raises, which ends the step; the second gives NaN, and needs the advantages of
`assay_oracle.verl_advantage`, which leave such rows out. Not with the `rate_limited` reward manager: it makes 0 of
exceptions and of its own time-out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from assay_oracle.client import Client, default_client
from assay_oracle.patch import patch_of
from assay_oracle.score import Score

#: verl's AgentLoopOutput.
Output = TypeVar("Output", bound=Any)


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **_more: Any,
) -> dict[str, float]:
    score = await score_of(default_client(), solution_str, ground_truth, extra_info)
    score.require()
    return row_of(score)


async def compute_score_nan(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **_more: Any,
) -> dict[str, float]:
    return row_of(await score_of(default_client(), solution_str, ground_truth, extra_info))


async def score_of(
    client: Client, solution: str, ground_truth: Any, extra_info: Mapping[str, Any] | None
) -> Score:
    """The instance is `extra_info.instance_id`, or else the ground truth."""
    name = (extra_info or {}).get("instance_id") or ground_truth
    if not isinstance(name, str):
        raise ValueError("the row names no instance: put its id into extra_info.instance_id")
    return await client.ascore(name, patch_of(solution))


def row_of(score: Score) -> dict[str, float]:
    """The same keys for every row: verl takes those of the first one for all. `acc` is what it filters groups by."""
    if score.reward is None:
        return {"score": math.nan, "acc": math.nan, "unscorable": 1.0}
    return {"score": score.reward, "acc": float(score.outcome == "resolved"), "unscorable": 0.0}


def put_score(output: Output, score: Score) -> Output:
    """At the end of `AgentLoopBase.run`: sets the reward, so that verl doesn't ask for one. Without a reward no token is
    trained, and `assay_oracle.verl_advantage` keeps the row out of its group's mean."""
    row = row_of(score)
    if score.reward is None:
        output.response_mask = [0] * len(output.response_mask)
        row = {**row, "score": 0.0, "acc": 0.0}
    output.reward_score = row["score"]
    output.extra_fields = {**output.extra_fields, "reward_extra_info": row}
    return output
