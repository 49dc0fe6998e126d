"""OpenEnv: an environment of one step. `create_app(AssayEnvironment, AssayAction, AssayObservation)` serves it.

`reset(instance_id=...)` or the action names the instance. Without a reward the episode is done and its reward is null.
"""

from __future__ import annotations

from typing import Any

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State

from assay_oracle.client import Client, default_client
from assay_oracle.openenv_http import observation_of, score_action


class AssayAction(Action):
    instance_id: str | None = None
    #: A diff; or else the text that holds it.
    patch: str | None = None
    completion: str | None = None


class AssayObservation(Observation):
    instance_id: str | None = None
    outcome: str | None = None
    reason: str | None = None
    failure: dict[str, Any] | None = None


class AssayEnvironment(Environment[AssayAction, AssayObservation, State]):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, client: Client | None = None) -> None:
        super().__init__()
        self.client = client or default_client()
        self.instance_id: str | None = None
        self._state = State()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, instance_id: str | None = None
    ) -> AssayObservation:
        self.instance_id = instance_id
        self._state = State(episode_id=episode_id)
        return AssayObservation(instance_id=instance_id)

    def step(self, action: AssayAction, timeout_s: float | None = None, **_more: Any) -> AssayObservation:
        self._state.step_count += 1
        name = action.instance_id or self.instance_id
        score = score_action(self.client, {**action.model_dump(), "instance_id": name})
        return AssayObservation(done=True, reward=score.reward, **observation_of(name, score))

    @property
    def state(self) -> State:
        return self._state
