"""What the service answers: a reward, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Failure:
    """Why a request has no reward. `blame` is "infra" (a machine), "ours" (assay) or "input" (the request itself)."""

    blame: str
    code: str
    #: "client" where the service gave no usable answer.
    phase: str
    message: str
    retryable: bool
    attempts: int = 1

    @staticmethod
    def parse(value: Any) -> Failure:
        if not isinstance(value, Mapping):
            raise ValueError("an unscorable answer needs a failure")
        attempts = value.get("attempts")
        return Failure(
            blame=str(value.get("class", "ours")),
            code=str(value.get("code", "unknown")),
            phase=str(value.get("phase", "")),
            message=str(value.get("message", "")),
            retryable=value.get("retryable") is True,
            attempts=attempts if isinstance(attempts, int) else 1,
        )


class Unscorable(RuntimeError):
    """Raised for frameworks that have no other way to leave a sample out."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"no reward ({failure.blame}, {failure.code}): {failure.message}")
        self.failure = failure


@dataclass(frozen=True)
class Score:
    """`reward` is a finite number exactly when `failure` is None."""

    reward: float | None
    failure: Failure | None = None
    verdict: Mapping[str, Any] | None = None
    tests: Mapping[str, Any] | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    key: str | None = None
    cached: bool = False

    @property
    def status(self) -> str:
        return "scored" if self.failure is None else "unscorable"

    @property
    def outcome(self) -> str:
        """One of resolved, unresolved and invalid; unscorable where there is no reward."""
        return "unscorable" if self.failure is not None else str((self.verdict or {}).get("outcome"))

    def require(self) -> float:
        """The reward; raises Unscorable where there is none."""
        if self.failure is not None:
            raise Unscorable(self.failure)
        assert self.reward is not None
        return self.reward

    @staticmethod
    def parse(body: Any) -> Score:
        """Raises ValueError for a body that is no answer of the service: a reward is never guessed."""
        if not isinstance(body, Mapping):
            raise ValueError("expected an object")
        verdict, tests, timings, key = (body.get(name) for name in ("verdict", "tests", "timings", "key"))
        bare = Score(
            reward=None,
            verdict=verdict if isinstance(verdict, Mapping) else None,
            tests=tests if isinstance(tests, Mapping) else None,
            timings=timings if isinstance(timings, Mapping) else {},
            key=key if isinstance(key, str) else None,
            cached=body.get("cached") is True,
        )
        status, reward = body.get("status"), body.get("reward")
        if status == "unscorable" and reward is None:
            return replace(bare, failure=Failure.parse(body.get("failure")))
        if status == "scored" and isinstance(reward, (int, float)) and not isinstance(reward, bool):
            if math.isfinite(reward):
                return replace(bare, reward=float(reward))
        raise ValueError(f"status {status!r} with reward {reward!r}")


def unscorable(code: str, message: str, *, blame: str = "infra", retryable: bool = True) -> Score:
    """A result that the client makes itself."""
    return Score(reward=None, failure=Failure(blame, code, "client", message, retryable))
