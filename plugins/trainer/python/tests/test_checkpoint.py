"""Checkpoints are whole or not there, and training goes on from them as if nothing had been."""

from __future__ import annotations

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from assay_trainer import checkpoint, state
from assay_trainer.errors import TrainerError
from assay_trainer.parallel import Place
from helpers import ADAM, POLICY, Child, Inside, assert_same, load_request, random_batch, write_batch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

CROSS = {"kind": "cross_entropy", "normalizer": 10.0}


def train(trainer: Child | Inside, folder: Path, steps: range) -> None:
    """Steps whose batches depend on their number only."""
    for number in steps:
        batch = write_batch(folder / "batch.safetensors", random_batch([20, 33, 5], seed=number))
        loss = CROSS if number % 2 else POLICY
        trainer.do("accumulate", seq=100 * number + 1, batch=batch, loss=loss)
        trainer.do("step", seq=100 * number + 2, learning_rate=1e-2, gradient_clip=1.0)


def digests(saved: dict[str, Any]) -> dict[str, str]:
    """Of the weights and the optimiser in an answer of `save`."""
    return {file["name"]: file["sha256"] for file in saved["files"] if file["name"].endswith(".safetensors")}


def test_training_goes_on_bit_for_bit_in_a_new_process(tmp_path: Path, tokenizer: Path) -> None:
    first, second = Child(), Child()
    straight = Inside(tmp_path, tokenizer)
    train(straight, tmp_path, range(5))
    first.do(**load_request(tokenizer))
    train(first, tmp_path, range(2))
    first.do("save", seq=150, folder=str(tmp_path / "half"))
    # The end of the input is a stop.
    assert first.close() == 0
    assert second.do(**load_request(tokenizer, resume=str(tmp_path / "half")))["weight_version"] == "2"
    train(second, tmp_path, range(2, 5))
    saved = [trainer.do("save", seq=999, folder=str(tmp_path / "end")) for trainer in (straight, second)]
    assert saved[0]["weight_version"] == saved[1]["weight_version"] == "5"
    assert digests(saved[0]) == digests(saved[1])
    assert len(digests(saved[0])) == 2
    assert second.close() == 0


@pytest.mark.parametrize(
    "change", [{"lora": {"rank": 4, "alpha": 8.0}}, {"checkpointing": True}, {"yarn": 2.0}], ids=["LoRA", "recomputing", "YaRN"]
)
def test_a_resumed_trainer_makes_the_same_weights_however_it_was_loaded(change: dict[str, Any], tmp_path: Path, tokenizer: Path) -> None:
    straight, half = Inside(tmp_path, tokenizer, **change), Inside(tmp_path, tokenizer, **change)
    train(straight, tmp_path, range(5))
    train(half, tmp_path, range(2))
    half.do("save", seq=150, folder=str(tmp_path / "half"))
    resumed = Inside(tmp_path, tokenizer, **change, resume=str(tmp_path / "half"))
    train(resumed, tmp_path, range(2, 5))
    saved = [trainer.do("save", seq=999, folder=str(tmp_path / "end")) for trainer in (straight, resumed)]
    assert digests(saved[0]) == digests(saved[1])


def test_the_model_of_a_checkpoint_is_what_transformers_loads(tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer)
    batch = random_batch([20], seed=1)
    inside.accumulate(batch, CROSS)
    inside.change("step", learning_rate=1e-2, gradient_clip=1.0)
    expected = inside.logprobs(batch)["logprobs"]
    inside.change("save", folder=str(tmp_path / "saved"))
    folder = tmp_path / "saved" / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    ids = batch["input_ids"].long()
    with torch.no_grad():
        scores = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1).gather(1, ids[1:, None]).squeeze(1)
    torch.testing.assert_close(scores, expected[1:], rtol=1e-5, atol=1e-5)
    again = Inside(tmp_path, tokenizer, resume=str(tmp_path / "saved"))
    assert again.protocol.session.tokenizer("w5 w7").input_ids == [5, 7]
    generation = json.loads((folder / "generation_config.json").read_text())
    assert {name: generation[name] for name in ("temperature", "top_p", "top_k", "repetition_penalty")} == {
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "repetition_penalty": 1.0,
    }


def test_a_folder_is_loaded_as_it_is_and_lora_is_merged_into_what_is_saved(tmp_path: Path, tokenizer: Path) -> None:
    base = Inside(tmp_path, tokenizer)
    base.change("save", folder=str(tmp_path / "base"))
    model = {"folder": str(tmp_path / "base" / "model")}
    adapted = Inside(tmp_path, tokenizer, model=model, lora={"rank": 4, "alpha": 8.0}, seed=1)
    batch = random_batch([20], seed=1)
    assert torch.equal(adapted.logprobs(batch)["logprobs"], base.logprobs(batch)["logprobs"])
    for _ in range(3):
        adapted.accumulate(batch, CROSS)
        assert all(".lora_" in name for name in adapted.gradients())
        adapted.change("step", learning_rate=1e-2, gradient_clip=10.0)
    expected = adapted.logprobs(batch)["logprobs"]
    assert not torch.allclose(expected, base.logprobs(batch)["logprobs"], atol=1e-2)
    adapted.change("save", folder=str(tmp_path / "adapted"))
    plain = Inside(tmp_path, tokenizer, model={"folder": str(tmp_path / "adapted" / "model")})
    assert not any(".lora_" in name for name in load_file(tmp_path / "adapted" / "model" / "model.safetensors"))
    torch.testing.assert_close(plain.logprobs(batch)["logprobs"], expected, rtol=1e-5, atol=1e-5)


def test_tied_embeddings_are_saved_once_and_come_back(tmp_path: Path, tokenizer: Path) -> None:
    request = load_request(tokenizer)
    model = {"config": {**request["model"]["config"], "tie_word_embeddings": True}, "tokenizer": str(tokenizer)}
    inside = Inside(tmp_path, tokenizer, model=model)
    batch = random_batch([20], seed=1)
    inside.accumulate(batch, CROSS)
    inside.change("step", learning_rate=1e-2, gradient_clip=1.0)
    inside.change("save", folder=str(tmp_path / "saved"))
    assert "lm_head.weight" not in load_file(tmp_path / "saved" / "model" / "model.safetensors")
    again = Inside(tmp_path, tokenizer, resume=str(tmp_path / "saved"))
    assert torch.equal(again.logprobs(batch)["logprobs"], inside.logprobs(batch)["logprobs"])
    assert again.model.lm_head.weight is again.model.model.embed_tokens.weight


@pytest.mark.parametrize("damage", ["change", "shorten", "remove", "manifest"])
def test_a_damaged_checkpoint_is_refused(damage: str, tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer)
    inside.change("save", folder=str(tmp_path / "saved"))
    weights = tmp_path / "saved" / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    if damage == "change":
        content[-1] ^= 1
        weights.write_bytes(content)
    elif damage == "shorten":
        weights.write_bytes(content[:-4])
    elif damage == "remove":
        weights.unlink()
    else:
        (tmp_path / "saved" / "checkpoint.json").write_text("{")
    error = inside.ask(load_request(tokenizer, resume=str(tmp_path / "saved")))["error"]
    assert error["code"] == "checkpoint_broken"
    assert inside.ask({"op": "step", "seq": 99, "learning_rate": 0.1, "gradient_clip": 1.0})["error"]["code"] == "not_loaded"


def disk_full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def safetensors_full(*_: Any, **__: Any) -> None:
    raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")


@pytest.mark.parametrize("fault", [disk_full, safetensors_full])
@pytest.mark.parametrize("where", ["write_model", "save_file", "write_json"])
def test_a_full_disk_leaves_the_checkpoint_that_was_there(
    where: str, fault: Any, tmp_path: Path, tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Inside(tmp_path, tokenizer)
    inside.change("save", folder=str(tmp_path / "saved"))
    before = {path: path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()}
    inside.accumulate(random_batch([20]), CROSS)
    inside.change("step", learning_rate=1e-2, gradient_clip=1.0)
    monkeypatch.setattr(state, where, fault)
    request = {"op": "save", "seq": 50, "folder": str(tmp_path / "saved")}
    error = inside.ask(request)["error"]
    assert (error["code"], error["retryable"]) == ("disk_full", True)
    assert {path: path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()} == before
    assert not (tmp_path / "saved.writing").exists()
    monkeypatch.undo()
    assert inside.ask(request)["result"]["weight_version"] == "1"


def write(folder: Path, text: str) -> None:
    root = checkpoint.begin(str(folder))
    (root / "model").mkdir()
    (root / "model" / "weights").write_text(text * 10)
    (root / "trainer").mkdir()
    (root / "trainer" / "state").write_text(text)
    checkpoint.finish(str(folder))


CALLS = ("mkdir", "rename", "open", "fsync", "unlink", "rmdir")


def save_and_die(folder: Path, at: int, swap: bool) -> bool:
    """Saves in a process that is killed at its n-th call of the file system; whether it got through."""
    child = os.fork()
    if child == 0:
        left = [at]

        def deadly(call: Any) -> Any:
            def wrapped(*arguments: Any, **named: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **named)

            return wrapped

        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        exchange = deadly(checkpoint._exchange)
        checkpoint._exchange = exchange if swap else lambda *_: False
        write(folder, "new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return status == 0


@pytest.mark.parametrize("swap", [True, False], ids=["folders swapped", "folders renamed"])
def test_a_kill_at_any_call_of_a_save_leaves_the_old_checkpoint_or_the_new_one(swap: bool, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    seen = []
    for at in range(200):
        write(folder, "old")
        through = save_and_die(folder, at, swap)
        root = checkpoint.locate(str(folder))
        seen.append((root / "trainer" / "state").read_text())
        if through:
            break
    assert through
    assert len(seen) > 20
    assert set(seen[:10]) == {"old"}
    assert seen[-1] == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved"]


def test_a_trainer_killed_in_a_save_leaves_a_checkpoint_to_resume_from(tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer)
    folder = tmp_path / "saved"
    inside.do("save", seq=1, folder=str(folder))
    train(inside, tmp_path, range(1, 2))
    child = os.fork()
    if child == 0:
        inside.ask({"op": "save", "seq": 200, "folder": str(folder)})
        os._exit(0)
    while not (tmp_path / "saved.writing").exists() and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        pass
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    resumed = Inside(tmp_path, tokenizer, resume=str(folder))
    assert resumed.protocol.session.weight_version in ("0", "1")
    # What the killed one left is in nobody's way.
    resumed.do("save", seq=300, folder=str(folder))
    assert not (tmp_path / "saved.writing").exists()


def test_a_checkpoint_made_with_other_adapters_is_refused(tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer)
    inside.change("save", folder=str(tmp_path / "saved"))
    answer = inside.ask(load_request(tokenizer, resume=str(tmp_path / "saved"), lora={"rank": 2, "alpha": 2.0}))
    assert answer["error"]["code"] == "bad_request"


def test_locate_says_what_is_wrong_with_a_path_that_has_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="not a whole checkpoint") as caught:
        checkpoint.locate(str(tmp_path / "nothing"))
    assert caught.value.code == "checkpoint_broken"


def test_optimiser_options_come_from_the_request_also_on_resume(tmp_path: Path, tokenizer: Path) -> None:
    inside = Inside(tmp_path, tokenizer)
    inside.change("save", folder=str(tmp_path / "saved"))
    again = Inside(tmp_path, tokenizer, resume=str(tmp_path / "saved"), optimizer={**ADAM, "weight_decay": 0.5})
    assert again.protocol.session._now.optimizer.param_groups[0]["weight_decay"] == 0.5


class HalfPlace(Place):
    """A place that computes as CUDA does: passes in bfloat16."""

    half = property(lambda self: True)


def test_passes_in_bfloat16_train_float32_weights_and_resume_from_them_exactly(tmp_path: Path, tokenizer: Path) -> None:
    place = HalfPlace(torch.device("cpu"))
    exact, half = Inside(tmp_path, tokenizer), Inside(tmp_path, tokenizer, place)
    assert half.do("hello")["dtype"] == "bfloat16"
    sums = [inside.accumulate(random_batch([20, 33]), CROSS)["loss"] for inside in (exact, half)]
    assert sums[1] == pytest.approx(sums[0], rel=0.05)
    assert sums[1] != sums[0]
    assert {p.dtype for p in half.model.parameters()} == {g.dtype for g in half.gradients().values()} == {torch.float32}
    half.change("step", learning_rate=1e-3, gradient_clip=1.0)
    half.change("save", folder=str(tmp_path / "half"))
    served = load_file(tmp_path / "half" / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in served.values()} == {torch.bfloat16}
    resumed = Inside(tmp_path, tokenizer, place, resume=str(tmp_path / "half"))
    assert_same(dict(resumed.model.named_parameters()), dict(half.model.named_parameters()), 0.0)
    train(half, tmp_path, range(1, 3))
    train(resumed, tmp_path, range(1, 3))
    assert_same(dict(resumed.model.named_parameters()), dict(half.model.named_parameters()), 0.0)
