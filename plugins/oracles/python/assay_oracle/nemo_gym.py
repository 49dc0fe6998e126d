"""NeMo Gym: what a resources server answers on /verify. The row names its instance in `instance_id`, or in
`verifier_metadata.instance_id`.

Without a reward the row has `mask_sample` and a failure class: NeMo Gym writes it to its file of failures, and NeMo RL
trains none of its tokens. The reward of 0 that the format wants still counts in the mean of its group there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay_oracle.client import Client
from assay_oracle.patch import patch_of, text_of
from assay_oracle.score import Score


async def averify(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    name, patch = _question(body)
    return {**body, **_answer(await client.ascore(name, patch))}


def verify(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    name, patch = _question(body)
    return {**body, **_answer(client.score(name, patch))}


def _question(body: Mapping[str, Any]) -> Any:
    metadata = body.get("verifier_metadata")
    name = body.get("instance_id") or (metadata.get("instance_id") if isinstance(metadata, Mapping) else None)
    if not isinstance(name, str):
        raise ValueError("the row names no instance: expected instance_id, or verifier_metadata.instance_id")
    response = body.get("response")
    output = response.get("output") if isinstance(response, Mapping) else None
    if not isinstance(output, list):
        raise ValueError("expected response.output, the list of what the model gave")
    messages = [
        item for item in output if isinstance(item, Mapping) and item.get("type", "message") == "message"
    ]
    return name, patch_of(text_of(messages))


def _answer(score: Score) -> dict[str, Any]:
    if score.failure is None:
        return {"reward": score.require(), "mask_sample": False, "outcome": score.outcome}
    return {
        "reward": 0.0,
        "mask_sample": True,
        "outcome": score.outcome,
        "_ng_failure_class": f"assay_{score.failure.blame}",
        "_ng_failure_terminal": not score.failure.retryable,
        "failure": score.failure.message,
    }
