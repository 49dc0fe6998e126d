"""The policy server inside of a trainer: it samples from the weights as they are trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import POLICY, Child, load_request, read_scores, write_batch, write_tokenizer
from server_setup import Client


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    trainer = Child()
    fields = load_request(write_tokenizer(tmp_path / "tokenizer"))
    trainer.do(fields.pop("op"), **fields)
    yield trainer
    # The end of its input ends it, whatever the server does.
    assert trainer.close() == 0


def as_batch(answers: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Sampled sequences as the trainer takes them, with the log-probabilities that came with them."""
    choices = [answer["choices"][0] for answer in answers]
    sequences = [choice["prompt_token_ids"] + choice["token_ids"] for choice in choices]
    sampled = [[0.0] * len(choice["prompt_token_ids"]) + [1.0] * len(choice["token_ids"]) for choice in choices]
    logprobs = [[0.0] * len(choice["prompt_token_ids"]) + choice["logprobs"]["token_logprobs"] for choice in choices]
    weights = torch.tensor(sum(sampled, []))
    return {
        "input_ids": torch.tensor(sum(sequences, []), dtype=torch.int32),
        "cu_seqlens": torch.tensor([0, *map(len, sequences)]).cumsum(0).int(),
        "weights": weights,
        "advantages": weights.clone(),
        "old_logprobs": torch.tensor(sum(logprobs, [])),
    }


def test_samples_are_of_the_weights_that_the_trainer_has(child: Child, tmp_path: Path) -> None:
    synced = child.do("sync", seq=1, target={"kind": "embedded", "host": "127.0.0.1", "port": 0, "model": "tiny"})
    client = Client(synced["url"])

    def sampled_and_scored(version: str) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        answers = [client.complete(list(range(3, 20 + index)), max_tokens=40, seed=index) for index in range(6)]
        assert {answer["weight_version"] for answer in answers} == {version}
        batch = as_batch(answers)
        ref = write_batch(tmp_path / f"batch{version}", batch)
        scores = read_scores(child.do("logprobs", batch=ref, out=str(tmp_path / f"scores{version}")))
        difference = (scores["logprobs"] - batch["old_logprobs"]).abs() * batch["weights"]
        assert difference.max().item() < 1e-4
        return batch, ref

    before, ref = sampled_and_scored("0")
    child.do("accumulate", seq=2, batch=ref, loss=POLICY)
    child.do("step", seq=3, learning_rate=0.01, gradient_clip=1.0)
    after, _ = sampled_and_scored("1")
    assert before["input_ids"].tolist() != after["input_ids"].tolist()
    again = child.do("sync", seq=4, target={"kind": "embedded", "host": "127.0.0.1", "port": 0, "model": "tiny"})
    assert again == {"weight_version": "1", "url": synced["url"]}


def test_the_trainer_ends_while_its_server_generates(child: Child) -> None:
    synced = child.do("sync", seq=1, target={"kind": "embedded", "host": "127.0.0.1", "port": 0, "model": "tiny"})
    client = Client(synced["url"])
    client.connection.request("POST", "/v1/completions", b'{"prompt": [3], "max_tokens": 250}')
