"""What is asked of the service."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Options:
    """What a request says beside the instance and the patch; None leaves it to the service."""

    profile: str | None = None
    strict: bool | None = None
    #: "resolved" (1 or 0), "signed" (1 or -1), "fraction" or "turn_penalty".
    reward: str | None = None
    turns: int | None = None
    max_turns: int | None = None
    turn_threshold: int | None = None
    #: Seconds after which the service gives up on a request.
    deadline: float | None = None


@dataclass(frozen=True)
class Request:
    """One patch for one instance; a patch of None is a completion that holds none, and is scored as wrong."""

    instance_id: str
    patch: str | None
    options: Options = Options()

    def body(self) -> dict[str, Any]:
        given = {name: value for name, value in asdict(self.options).items() if value is not None}
        return {"instance_id": self.instance_id, "patch": self.patch, **given}
