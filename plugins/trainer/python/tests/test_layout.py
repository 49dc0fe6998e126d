"""Packing: what is computed together does not see each other, and nothing is computed for nothing."""

import math
from pathlib import Path

import pytest
import torch
from assay_trainer.batch import Batch
from assay_trainer.layout import Piece, deal, micro_batches, pack, pieces
from helpers import CONFIG, Inside, assert_same, join, random_batch, rows, write_batch


def test_log_probabilities_of_a_sequence_alone_and_in_any_packing_are_the_same(tmp_path: Path, tokenizer: Path) -> None:
    batch = random_batch([17, 40, 2, 17, 1, 63], seed=4)
    alone = Inside(tmp_path, tokenizer, micro_batch_tokens=1)
    packed = Inside(tmp_path, tokenizer, micro_batch_tokens=500)
    together = packed.logprobs(batch)
    assert together["logprobs"][batch["cu_seqlens"][:-1].long()].tolist() == [0.0] * 6
    for number, part in enumerate(rows(batch)):
        scores = alone.logprobs(join(batch, [number]))
        assert_same({name: values[part] for name, values in together.items()}, scores)
    assert_same(packed.logprobs(join(batch, [5, 4, 3, 2, 1, 0])), alone.logprobs(join(batch, [5, 4, 3, 2, 1, 0])))


def test_a_changed_token_changes_nothing_in_other_sequences_nor_before_it(tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer, micro_batch_tokens=500)
    batch = random_batch([20, 20, 20], seed=4)
    before = inside.logprobs(batch)["logprobs"]
    batch["input_ids"][30] = (batch["input_ids"][30] + 1) % 97
    after = inside.logprobs(batch)["logprobs"]
    assert (before != after).nonzero().squeeze(1).tolist() == list(range(30, 40))


def test_scores_are_those_of_the_models_own_logits(tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer)
    batch = random_batch([30], seed=4)
    found = inside.logprobs(batch)
    ids = batch["input_ids"].long()
    with torch.no_grad():
        plain = inside.model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
    torch.testing.assert_close(found["logprobs"][1:], plain.gather(1, ids[1:, None]).squeeze(1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found["entropies"][1:], -(plain.exp() * plain).sum(-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"tie_word_embeddings": True},
        {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
        {"model_type": "llama"},
        {"model_type": "qwen3", "head_dim": 8},
    ],
    ids=["tied embeddings", "sliding window", "Llama", "Qwen3"],
)
def test_other_models_pack_exactly_too(change: dict[str, object], tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer, model={"config": {**CONFIG, **change}, "tokenizer": str(tokenizer)}, micro_batch_tokens=500)
    batch = random_batch([30, 12, 30], seed=4)
    loss = {"kind": "cross_entropy", "normalizer": 10.0}
    inside.accumulate(batch, loss)
    found = inside.gradients()
    inside.clear()
    for part in rows(batch):
        ids = batch["input_ids"][part].long()
        scores = inside.model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1).gather(1, ids[1:, None]).squeeze(1)
        (-(scores * batch["weights"][part][1:]).sum() / 10.0).backward()
    assert_same(found, inside.gradients())


def test_recomputed_activations_give_the_same_gradients(tmp_path: Path, tokenizer: Path) -> None:
    batch = random_batch([30, 12, 30], seed=4)
    kept, recomputed = Inside(tmp_path, tokenizer), Inside(tmp_path, tokenizer, checkpointing=True)
    for inside in (kept, recomputed):
        inside.accumulate(batch, {"kind": "cross_entropy", "normalizer": 10.0})
    assert_same(recomputed.gradients(), kept.gradients())


def batch_of(lengths: list[int]) -> Batch:
    bounds = [0, *torch.tensor(lengths).cumsum(0).tolist()]
    none = torch.zeros(bounds[-1])
    return Batch(torch.arange(bounds[-1]), tuple(bounds), none, None, None, None)


def test_only_what_comes_before_the_last_wanted_token_is_computed() -> None:
    wanted = torch.zeros(15, dtype=torch.bool)
    wanted[[2, 3, 12]] = True
    batch = batch_of([6, 4, 5])
    todo = pieces(batch, wanted)
    assert todo == [Piece(0, 3), Piece(2, 2)]
    packed = pack(batch, todo, wanted)
    assert packed.input_ids.tolist() == [[0, 1, 2, 10, 11]]
    assert packed.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert (packed.select.tolist(), packed.index.tolist(), packed.owner.tolist()) == ([1, 2, 4], [2, 3, 12], [0, 0, 1])


def test_micro_batches_are_full_but_never_above_the_limit_unless_one_sequence_is() -> None:
    groups = micro_batches([Piece(number, length) for number, length in enumerate([5, 30, 4, 11, 1, 9])], 20)
    assert [[piece.length for piece in group] for group in groups] == [[30], [11, 9], [5, 4, 1]]


def test_sequences_are_dealt_so_that_processes_have_about_the_same_to_do() -> None:
    hands = deal([Piece(number, length) for number, length in enumerate([5, 30, 4, 11, 1, 9])], 2)
    assert [[piece.length for piece in hand] for hand in hands] == [[30], [11, 9, 5, 4, 1]]


def test_yarn_stretches_the_context_and_changes_the_positions(tmp_path: Path, tokenizer: Path) -> None:
    batch = random_batch([300], seed=4)
    short, long = Inside(tmp_path, tokenizer), Inside(tmp_path, tokenizer, yarn=4.0)
    refused = short.ask({"op": "logprobs", "batch": write_batch(tmp_path / "long.safetensors", batch), "out": str(tmp_path / "o")})
    assert refused["error"]["code"] == "bad_batch"
    assert "longer than the context of the model, 256" in refused["error"]["message"]
    assert bool(long.logprobs(batch)["logprobs"].isfinite().all())
    assert long.model.config.max_position_embeddings == 1024
    first = join(random_batch([100], seed=4), [0])
    assert not math.isclose(float(short.logprobs(first)["logprobs"][50]), float(long.logprobs(first)["logprobs"][50]), rel_tol=1e-3)

