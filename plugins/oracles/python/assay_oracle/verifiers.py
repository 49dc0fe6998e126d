"""verifiers and prime-rl: a task whose reward is the verdict on the patch in its last reply.

Where there is no reward it raises the framework's own SandboxError: the trace then has an error and no reward, and
prime-rl trains on neither it nor its mean. The id of a task (`TaskData.id`) is the id of its instance.
"""

from __future__ import annotations

from typing import Any

import verifiers.v1 as vf
from verifiers.v1.errors import SandboxError

from assay_oracle.client import Client, default_client
from assay_oracle.patch import patch_of


class AssayTask(vf.Task):
    """Subclass it for a taskset of your own, or give it the client of another service."""

    client: Any = None

    @vf.reward
    async def assay(self, trace: vf.Trace) -> float:
        return await reward_of(self.client or default_client(), self.data.id, trace.last_reply)


async def reward_of(client: Client, instance_id: Any, reply: str) -> float:
    if not isinstance(instance_id, str):
        raise ValueError("the task names no instance: put its id into TaskData.id")
    score = await client.ascore(instance_id, patch_of(reply))
    if score.reward is None:
        failure = score.failure
        raise SandboxError(
            f"assay has no reward ({failure.blame}, {failure.code}): {failure.message}" if failure else ""
        )
    return score.reward
