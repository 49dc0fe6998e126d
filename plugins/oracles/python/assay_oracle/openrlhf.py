"""OpenRLHF: `--reward.remote_url` is the address of `python -m assay_oracle.bridge --framework openrlhf`, or the path of
this file. The label of a prompt is the id of its instance.

OpenRLHF asks a bridge five times; then, or where this file raises, the reward stays None and the step ends with an error.
"""

from __future__ import annotations

from collections.abc import Sequence

from assay_oracle.client import Client, default_client
from assay_oracle.patch import patch_of
from assay_oracle.score import Score

#: How much of a prompt tells where it ends in a query that lost its beginning.
_TAIL = 64


def reward_func(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
) -> dict[str, list[float]]:
    return answer_of(scores_of(default_client(), queries, prompts, labels))


def scores_of(
    client: Client, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
) -> list[Score]:
    if not len(queries) == len(prompts) == len(labels):
        raise ValueError(f"{len(queries)} queries, {len(prompts)} prompts and {len(labels)} labels")
    if not all(isinstance(label, str) for label in labels):
        raise ValueError("a label must be the id of an instance")
    rows = zip(queries, prompts, labels)
    return client.score_many(
        [client.request(label, patch_of(response_of(query, prompt))) for query, prompt, label in rows]
    )


def answer_of(scores: Sequence[Score]) -> dict[str, list[float]]:
    """Raises Unscorable when any of them has no reward."""
    rewards = [score.require() for score in scores]
    return {"rewards": rewards, "scores": rewards}


def response_of(query: str, prompt: str) -> str:
    """What follows the prompt: a patch that the prompt shows is none of the model's."""
    if query.startswith(prompt):
        return query[len(prompt) :]
    tail = prompt[-_TAIL:]
    at = query.rfind(tail)
    if at < 0:
        raise ValueError(
            "the query doesn't hold the end of its prompt, so it can't be told where the response starts"
        )
    return query[at + len(tail) :]
