"""The protocol: order, repeats, errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import CONFIG, POLICY, Child, Inside, assert_same, load_request, random_batch, read_scores, write_batch

CROSS = {"kind": "cross_entropy", "normalizer": 10.0}


def ask(inside: Inside, op: str, **fields: Any) -> str:
    """The code of the error that a request must give."""
    answer = inside.ask({"op": op, **fields})
    assert not answer["ok"], answer
    assert len(answer["error"]["message"]) > 10
    return answer["error"]["code"]


@pytest.fixture
def inside(tmp_path: Path, tokenizer: Path) -> Inside:
    return Inside(tmp_path, tokenizer)


def test_a_process_answers_in_order_and_prints_nothing_else(tmp_path: Path, tokenizer: Path) -> None:
    child = Child()
    hello = child.do("hello")
    assert (hello["protocol"], hello["device"], hello["dtype"], hello["processes"]) == (1, "cpu", "float32", 1)
    assert set(hello["versions"]) >= {"python", "torch", "transformers", "cuda"}
    assert child.do(**load_request(tokenizer)) == {
        "weight_version": "0",
        "parameters": 21856,
        "vocabulary": 97,
        "context": 256,
        "last_seq": None,
    }
    batch = write_batch(tmp_path / "b.safetensors", random_batch([20, 5]))
    scores = read_scores(child.do("logprobs", batch=batch, out=str(tmp_path / "scores.safetensors")))
    assert {name: tuple(values.shape) for name, values in scores.items()} == {"logprobs": (25,), "entropies": (25,)}
    sums = child.do("accumulate", seq=1, batch=batch, loss={**POLICY, "dual_clip": None})
    assert sums["tokens"] == int((random_batch([20, 5])["weights"] != 0).sum())
    stepped = child.do("step", seq=2, learning_rate=1e-3, gradient_clip=1.0)
    assert stepped["weight_version"] == "1"
    assert stepped["gradient_norm"] > 0
    child.send({"id": "x", "op": "hello"})
    child.process.stdin.write(b"this is not JSON\n\n[1]\n")
    child.process.stdin.flush()
    answers = [json.loads(child.process.stdout.readline()) for _ in range(3)]
    assert [(answer["id"], answer["ok"]) for answer in answers] == [("x", True), (None, False), (None, False)]
    assert child.do("stop") == {}
    assert child.process.wait(timeout=30) == 0
    assert child.process.stdout.read() == b""


def test_what_was_done_is_answered_again_but_not_done_again(inside: Inside) -> None:
    batch = write_batch(inside.folder / "b.safetensors", random_batch([20, 5]))
    first = inside.do("accumulate", seq=3, batch=batch, loss=CROSS)
    gradients = inside.gradients()
    assert inside.do("accumulate", loss=CROSS, batch=batch, seq=3) == first
    assert_same(inside.gradients(), gradients, 0.0)
    stepped = inside.do("step", seq=8, learning_rate=1e-3, gradient_clip=1.0)
    assert inside.do("step", seq=8, learning_rate=1e-3, gradient_clip=1.0) == stepped
    assert inside.protocol.session.weight_version == "1"
    assert ask(inside, "step", seq=8, learning_rate=2e-3, gradient_clip=1.0) == "seq_conflict"
    assert ask(inside, "step", seq=5, learning_rate=1e-3, gradient_clip=1.0) == "seq_conflict"
    # An error is no answer to keep: the same seq may try again.
    assert ask(inside, "step", seq=9, learning_rate=1e-3, gradient_clip=1.0) == "bad_request"
    assert inside.do("accumulate", seq=9, batch=batch, loss=CROSS)["tokens"] == first["tokens"]


def test_only_the_last_64_answers_are_kept(inside: Inside) -> None:
    batch = write_batch(inside.folder / "b.safetensors", random_batch([3]))
    for seq in range(1, 66):
        inside.do("accumulate", seq=seq, batch=batch, loss=CROSS)
    assert inside.do("accumulate", seq=2, batch=batch, loss=CROSS)
    assert ask(inside, "accumulate", seq=1, batch=batch, loss=CROSS) == "seq_conflict"


def test_answers_come_back_with_a_checkpoint_and_go_with_a_fresh_load(inside: Inside, tokenizer: Path) -> None:
    sums = inside.accumulate(random_batch([20]), CROSS)
    stepped = inside.change("step", learning_rate=1e-3, gradient_clip=1.0)
    inside.change("save", folder=str(inside.folder / "saved"))
    inside.accumulate(random_batch([20]), CROSS)
    loaded = inside.do(**load_request(tokenizer, resume=str(inside.folder / "saved")))
    assert (loaded["weight_version"], loaded["last_seq"]) == ("1", 2)
    assert inside.do("step", seq=2, learning_rate=1e-3, gradient_clip=1.0) == stepped
    assert ask(inside, "step", seq=1, learning_rate=1e-3, gradient_clip=1.0) == "seq_conflict"
    assert inside.do(**load_request(tokenizer))["weight_version"] == "0"
    inside.seq = 0
    assert inside.accumulate(random_batch([20]), CROSS) == sums


def test_a_gradient_that_is_not_finite_is_dropped_and_nothing_is_applied(inside: Inside) -> None:
    inside.accumulate(random_batch([20]), CROSS)
    before = {name: p.detach().clone() for name, p in inside.model.named_parameters()}
    next(inside.model.parameters()).grad[0, 0] = math.inf
    assert inside.change("step", learning_rate=1e-3, gradient_clip=1.0) == {"gradient_norm": None, "weight_version": "0"}
    assert_same(dict(inside.model.named_parameters()), before, 0.0)
    assert ask(inside, "step", seq=20, learning_rate=1e-3, gradient_clip=1.0) == "bad_request"


def test_weights_that_are_not_finite_after_a_step_are_an_error(inside: Inside) -> None:
    inside.accumulate(random_batch([20]), CROSS)
    assert ask(inside, "step", seq=20, learning_rate=1e38, gradient_clip=1.0) == "non_finite"


def test_a_loss_that_is_not_finite_drops_all_that_waited(inside: Inside) -> None:
    batch = random_batch([20])
    inside.accumulate(batch, CROSS)
    batch["weights"][3] = math.nan
    broken = write_batch(inside.folder / "nan.safetensors", batch)
    assert ask(inside, "accumulate", seq=50, batch=broken, loss=CROSS) == "non_finite"
    assert inside.gradients() == {}
    inside.accumulate(random_batch([20]), CROSS)
    with torch.no_grad():
        inside.model.lm_head.weight[5] = math.nan
    good = write_batch(inside.folder / "good.safetensors", random_batch([20]))
    assert ask(inside, "accumulate", seq=51, batch=good, loss=CROSS) == "non_finite"
    assert inside.gradients() == {}


def test_a_gradient_is_scaled_down_to_the_largest_norm(inside: Inside) -> None:
    inside.accumulate(random_batch([20]), {**CROSS, "normalizer": 1e-3})
    before = {name: p.detach().clone() for name, p in inside.model.named_parameters()}
    norm = math.sqrt(sum(float(g.double().square().sum()) for g in inside.gradients().values()))
    stepped = inside.change("step", learning_rate=1e-3, gradient_clip=1e-9)
    assert stepped["gradient_norm"] == pytest.approx(norm, rel=1e-5)
    # At a norm of 1e-9 the gradient is far below Adam's eps: hardly anything but the decay moves a weight.
    for name, parameter in inside.model.named_parameters():
        decay = 0.1 if parameter.dim() >= 2 else 0.0
        torch.testing.assert_close(parameter.detach(), before[name] * (1 - 1e-3 * decay), rtol=0, atol=1e-4)


def test_a_batch_without_any_weight_adds_nothing(inside: Inside) -> None:
    batch = random_batch([20])
    batch["weights"].zero_()
    assert inside.accumulate(batch, CROSS)["tokens"] == 0
    assert inside.change("step", learning_rate=0.0, gradient_clip=1.0) == {"gradient_norm": 0.0, "weight_version": "1"}


BAD: dict[str, Any] = {
    "token id out of the vocabulary": lambda b: b["input_ids"].__setitem__(4, 97),
    "negative token id": lambda b: b["input_ids"].__setitem__(4, -1),
    "first token with a weight": lambda b: b["weights"].__setitem__(0, 1.0),
    "weights of another length": lambda b: b.update(weights=torch.zeros(3)),
    "bounds that go down": lambda b: b.update(cu_seqlens=torch.tensor([0, 15, 10, 25], dtype=torch.int32)),
    "bounds short of the end": lambda b: b.update(cu_seqlens=torch.tensor([0, 20], dtype=torch.int32)),
    "an empty sequence": lambda b: b.update(cu_seqlens=torch.tensor([0, 20, 20, 25], dtype=torch.int32)),
    "another type": lambda b: b.update(input_ids=b["input_ids"].long()),
    "no weights": lambda b: b.pop("weights"),
    "an unknown tensor": lambda b: b.update(extra=torch.zeros(25)),
    "no advantages": lambda b: b.pop("advantages"),
    "no old log-probabilities": lambda b: b.pop("old_logprobs"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_batch_is_refused_and_what_waited_stays(name: str, inside: Inside) -> None:
    inside.accumulate(random_batch([20, 5]), CROSS)
    gradients = inside.gradients()
    tensors = random_batch([20, 5])
    BAD[name](tensors)
    batch = write_batch(inside.folder / "bad.safetensors", tensors)
    assert ask(inside, "accumulate", seq=50, batch=batch, loss=POLICY) == "bad_batch"
    assert_same(inside.gradients(), gradients, 0.0)


def test_a_file_that_is_missing_changed_or_no_tensors_is_a_bad_batch(inside: Inside) -> None:
    batch = write_batch(inside.folder / "b.safetensors", random_batch([20, 5]))
    out = str(inside.folder / "o")
    assert ask(inside, "logprobs", batch={**batch, "sha256": "0" * 64}, out=out) == "bad_batch"
    assert ask(inside, "logprobs", batch={**batch, "path": "/nowhere"}, out=out) == "bad_batch"
    (inside.folder / "text").write_text("text")
    text = {"path": str(inside.folder / "text"), "sha256": "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"}
    assert ask(inside, "logprobs", batch=text, out=out) == "bad_batch"


def test_requests_that_are_not_understood(inside: Inside, tokenizer: Path) -> None:
    batch = write_batch(inside.folder / "b.safetensors", random_batch([20, 5]))
    assert ask(inside, "dance") == "unknown_op"
    assert ask(inside, "hello", extra=1) == "bad_request"
    assert ask(inside, "step", learning_rate=0.1, gradient_clip=1.0) == "bad_request"
    assert ask(inside, "step", seq=1, learning_rate="0.1", gradient_clip=1.0) == "bad_request"
    assert ask(inside, "step", seq=1, learning_rate=-0.1, gradient_clip=1.0) == "bad_request"
    assert ask(inside, "step", seq=True, learning_rate=0.1, gradient_clip=1.0) == "bad_request"
    for loss in (
        {"kind": "mse", "normalizer": 1},
        {"kind": "cross_entropy"},
        {"kind": "cross_entropy", "normalizer": 0},
        {"kind": "cross_entropy", "normalizer": 1, "clip_low": 0.2},
        {**POLICY, "ratio_level": "word"},
        {**POLICY, "surrogate": "ppo"},
        {**POLICY, "dual_clip": 0.5},
        {**POLICY, "clip_low": None},
    ):
        assert ask(inside, "accumulate", seq=1, batch=batch, loss=loss) == "bad_request", loss
    model = load_request(tokenizer)["model"]
    for change in (
        {"model": {}},
        {"model": {"config": CONFIG}},
        {"model": {**model, "folder": "/tmp"}},
        {"optimizer": {"betas": [0.9], "eps": 1e-8, "weight_decay": 0}},
        {"micro_batch_tokens": 0},
        {"sede": 1},
    ):
        request = {name: value for name, value in load_request(tokenizer, **change).items() if name != "op"}
        assert ask(inside, "load", **request) == "bad_request", change


def test_models_that_cannot_be_read_or_computed_exactly_are_refused(inside: Inside, tokenizer: Path, tmp_path: Path) -> None:
    def load(**change: Any) -> str:
        return ask(inside, **load_request(tokenizer, **change))

    assert load(model={"folder": str(tmp_path / "none")}) == "model_unreadable"
    (tmp_path / "config.json").write_text("{}")
    assert load(model={"folder": str(tmp_path)}) == "model_unreadable"
    with_kind = lambda **fields: {"config": {**CONFIG, **fields}, "tokenizer": str(tokenizer)}  # noqa: E731
    assert load(model=with_kind(model_type="no such model")) == "model_unreadable"
    assert load(model=with_kind(model_type="gemma2", head_dim=8)) == "unsupported"
    assert load(model=with_kind(model_type="cohere", logit_scale=0.5)) == "unsupported"
    # Its linear attention carries a state from one packed sequence into the next.
    assert load(model=with_kind(model_type="qwen3_next", num_experts=0, layer_types=["linear_attention"] * 2)) == "unsupported"
    assert ask(inside, "logprobs", batch={"path": "/", "sha256": ""}, out="/") == "not_loaded"


def test_a_sync_to_a_folder_writes_what_a_policy_server_loads(inside: Inside, tokenizer: Path) -> None:
    inside.accumulate(random_batch([20]), CROSS)
    inside.change("step", learning_rate=1e-2, gradient_clip=1.0)
    folder = str(inside.folder / "served")
    assert inside.change("sync", target={"kind": "folder", "folder": folder}) == {"weight_version": "1"}
    served = Inside(inside.folder, tokenizer, model={"folder": folder})
    batch = random_batch([20], seed=1)
    assert torch.equal(served.logprobs(batch)["logprobs"], inside.logprobs(batch)["logprobs"])


def test_a_sync_that_this_trainer_cannot_do_is_refused_and_not_offered(inside: Inside) -> None:
    assert ask(inside, "sync", seq=1, target={"kind": "carrier_pigeon"}) == "bad_request"
    assert ask(inside, "sync", seq=1, target={"kind": "nccl_open"}) == "unsupported"
    assert inside.do("hello")["capabilities"]["sync"] == ["embedded", "vllm_reload"]
