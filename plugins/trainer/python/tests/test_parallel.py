"""Two processes under torchrun, on gloo, do what one does."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from helpers import POLICY, Child, Inside, assert_same, load_request, random_batch, read_scores, write_batch
from safetensors.torch import load_file

LOSSES = ({"kind": "cross_entropy", "normalizer": 40.0}, {**POLICY, "ratio_level": "sequence", "dual_clip": 2.0, "tis_cap": 1.2, "normalizer": 40.0})


def work(trainer: Child | Inside, folder: Path) -> dict[str, Any]:
    """Some steps and a checkpoint; all that can be compared."""
    batch = write_batch(folder / "batch.safetensors", random_batch([40, 3, 17, 60, 1, 22], seed=2))
    one = write_batch(folder / "one.safetensors", random_batch([50], seed=3))
    result: dict[str, Any] = {"sums": [], "norms": []}
    for number in range(3):
        result["sums"].append(trainer.do("accumulate", seq=10 * number + 1, batch=batch, loss=LOSSES[number % 2]))
        # One sequence for two processes: one of them has nothing to do.
        result["sums"].append(trainer.do("accumulate", seq=10 * number + 2, batch=one, loss=LOSSES[0]))
        result["norms"].append(trainer.do("step", seq=10 * number + 3, learning_rate=1e-3, gradient_clip=0.5)["gradient_norm"])
    result["scores"] = read_scores(trainer.do("logprobs", batch=batch, out=str(folder / "scores.safetensors")))
    saved = trainer.do("save", seq=40, folder=str(folder / "saved"))
    assert saved["weight_version"] == "3"
    result["weights"] = load_file(folder / "saved" / "model" / "model.safetensors")
    result["moments"] = load_file(folder / "saved" / "trainer" / "optimizer-00000.safetensors")
    return result


@pytest.mark.parametrize("arguments", [(), ("--context-parallel", "2")], ids=["sequences dealt", "sequences shared"])
def test_two_processes_make_the_same_losses_gradients_and_weights_as_one(arguments: tuple[str, ...], tmp_path: Path, tokenizer: Path) -> None:
    child = Child(*arguments, processes=2)
    inside = Inside(tmp_path, tokenizer)
    expected = work(inside, tmp_path)
    hello = child.do("hello")
    assert (hello["processes"], hello["capabilities"]["context_parallel"]) == (2, bool(arguments))
    assert child.do(**load_request(tokenizer))["parameters"] == 21856
    found = work(child, tmp_path)
    for sums, wanted in zip(found["sums"], expected["sums"]):
        assert sums == {name: pytest.approx(value, rel=1e-5, abs=1e-5) for name, value in wanted.items()}
    assert found["norms"] == pytest.approx(expected["norms"], rel=1e-5)
    for name in ("scores", "weights", "moments"):
        assert_same(found[name], expected[name])
    # What two have saved, one goes on with, and the other way round.
    resumed = Inside(tmp_path, tokenizer, resume=str(tmp_path / "saved"))
    assert_same(resumed.logprobs(random_batch([40, 3, 17, 60, 1, 22], seed=2)), found["scores"])
    assert child.do(**load_request(tokenizer, resume=str(tmp_path / "saved")))["weight_version"] == "3"
    batch = write_batch(tmp_path / "batch.safetensors", random_batch([30, 30], seed=5))
    steps = []
    for trainer in (resumed, child):
        trainer.do("accumulate", seq=50, batch=batch, loss=LOSSES[0])
        steps.append(trainer.do("step", seq=51, learning_rate=1e-3, gradient_clip=0.5)["gradient_norm"])
    assert steps[1] == pytest.approx(steps[0], rel=1e-5)
    # An error is one in all processes, and none of them waits for another.
    broken = random_batch([30, 30], seed=5)
    broken["weights"][7] = math.nan
    bad = write_batch(tmp_path / "bad.safetensors", broken)
    assert child.ask({"op": "accumulate", "seq": 60, "batch": bad, "loss": LOSSES[0]})["error"]["code"] == "non_finite"
    refused = child.ask({"op": "logprobs", "batch": {**bad, "sha256": "0"}, "out": "/"})
    assert refused["error"]["code"] == "bad_batch"
    full = child.ask({"op": "save", "seq": 61, "folder": "/dev/full/saved"})
    assert not full["ok"]
    target = {"kind": "embedded", "host": "127.0.0.1", "port": 0, "model": "m"}
    assert child.ask({"op": "sync", "seq": 62, "target": target})["error"]["code"] == "unsupported"
    assert child.do("accumulate", seq=63, batch=batch, loss=LOSSES[0])["tokens"] > 0
    assert child.do("stop") == {}
    assert child.process.wait(timeout=60) == 0
