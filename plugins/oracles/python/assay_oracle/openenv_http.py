"""OpenEnv's HTTP shapes, without OpenEnv."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from assay_oracle.client import Client
from assay_oracle.patch import patch_of
from assay_oracle.score import Score


def reset(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"observation": {"instance_id": body.get("instance_id")}, "reward": None, "done": False}


def step(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    """Each request stands for itself, as with OpenEnv's own server: the action names the instance."""
    action = body.get("action")
    if not isinstance(action, Mapping):
        raise ValueError("expected an action of instance_id and either patch or completion")
    score = score_action(client, action)
    return {"observation": observation_of(action["instance_id"], score), "reward": score.reward, "done": True}


def score_action(client: Client, action: Mapping[str, Any]) -> Score:
    name, patch = action.get("instance_id"), action.get("patch")
    if not isinstance(name, str):
        raise ValueError("the action names no instance: expected instance_id")
    return client.score(name, patch if isinstance(patch, str) else patch_of(action.get("completion")))


def observation_of(instance_id: str | None, score: Score) -> dict[str, Any]:
    return {
        "instance_id": instance_id,
        "outcome": score.outcome,
        "reason": (score.verdict or {}).get("reason"),
        "failure": asdict(score.failure) if score.failure else None,
    }
