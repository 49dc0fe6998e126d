"""A tiny model, batches, and a client of the protocol."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).resolve().parent.parent
VOCABULARY = 97
CONFIG: dict[str, Any] = {
    "model_type": "qwen2",
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
    # The default makes nearly uniform distributions, on which little can go wrong.
    "initializer_range": 0.3,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
ADAM = {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1}
POLICY = {"kind": "policy", "normalizer": 10.0, "clip_low": 0.2, "clip_high": 0.3, "ratio_level": "token", "surrogate": "clip"}


def write_tokenizer(folder: Path) -> Path:
    """A word-level tokenizer of the tiny vocabulary."""
    words = {f"w{number}": number for number in range(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w2"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="w0", eos_token="w1", unk_token="w2").save_pretrained(folder)
    return folder


def load_request(tokenizer: Path, **others: Any) -> dict[str, Any]:
    """A load of the tiny model."""
    return {
        "op": "load",
        "model": {"config": CONFIG, "tokenizer": str(tokenizer)},
        "optimizer": ADAM,
        "seed": 7,
        "micro_batch_tokens": 64,
        "checkpointing": False,
        **others,
    }


def random_batch(lengths: list[int], seed: int = 0, masked: float = 0.3) -> dict[str, torch.Tensor]:
    """Sequences of random tokens; some without a weight; old log-probabilities as of a policy not far from a uniform one."""
    generator = torch.Generator().manual_seed(seed)
    total = sum(lengths)
    bounds = torch.tensor([0, *lengths]).cumsum(0)
    weights = torch.rand(total, generator=generator) + 0.5
    weights[torch.rand(total, generator=generator) < masked] = 0.0
    weights[bounds[:-1]] = 0.0
    old = -2.0 - 4.0 * torch.rand(total, generator=generator)
    return {
        "input_ids": torch.randint(0, VOCABULARY, (total,), generator=generator, dtype=torch.int32),
        "cu_seqlens": bounds.int(),
        "weights": weights,
        "advantages": torch.randn(total, generator=generator),
        "old_logprobs": old,
        "rollout_logprobs": old + 0.3 * torch.randn(total, generator=generator),
    }


def write_batch(path: Path, tensors: dict[str, torch.Tensor]) -> dict[str, str]:
    """A batch file, and its reference."""
    save_file(tensors, path)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read_scores(answer: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors of an answer of `logprobs`."""
    return load_file(answer["file"]["path"])


class Child:
    """A trainer in a process of its own."""

    def __init__(self, *arguments: str, processes: int = 1, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m"]
        if processes > 1:
            command += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
        self.process = subprocess.Popen(
            [*command, "assay_trainer", "--device", "cpu", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **(environment or {})},
        )
        self.last = 0

    def send(self, request: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The whole answer."""
        self.last += 1
        self.send({"id": self.last, **request})
        line = self.process.stdout.readline()
        assert line, f"the trainer ended with {self.process.wait()}"
        answer = json.loads(line)
        assert answer["id"] == self.last
        return answer

    def do(self, op: str, **fields: Any) -> dict[str, Any]:
        """The result; fails on an error."""
        answer = self.ask({"op": op, **fields})
        assert answer["ok"], answer
        return answer["result"]

    def close(self) -> int:
        """Ends it by the end of its input; its exit code."""
        self.process.stdin.close()
        return self.process.wait(timeout=30)


class Inside:
    """The protocol in this process, so that a test can look at gradients and weights."""

    def __init__(self, folder: Path, tokenizer: Path, **load: Any) -> None:
        from assay_trainer.parallel import Place
        from assay_trainer.protocol import Protocol

        self.folder = folder
        self.protocol = Protocol(Place(torch.device("cpu")))
        self.seq = 0
        self.do("load", **{name: value for name, value in load_request(tokenizer, **load).items() if name != "op"})

    @property
    def model(self) -> torch.nn.Module:
        return self.protocol.session.model

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self.protocol.answer(json.dumps({"id": 1, **request}).encode())
        json.dumps(answer, allow_nan=False)
        return answer

    def do(self, op: str, **fields: Any) -> dict[str, Any]:
        """The result; fails on an error."""
        answer = self.ask({"op": op, **fields})
        assert answer["ok"], answer
        return answer["result"]

    def change(self, op: str, **fields: Any) -> dict[str, Any]:
        """The result of an operation with the next seq."""
        self.seq += 1
        return self.do(op, seq=self.seq, **fields)

    def accumulate(self, batch: dict[str, torch.Tensor], loss: dict[str, Any]) -> dict[str, Any]:
        return self.change("accumulate", batch=write_batch(self.folder / "batch.safetensors", batch), loss=loss)

    def logprobs(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        ref = write_batch(self.folder / "batch.safetensors", batch)
        return read_scores(self.do("logprobs", batch=ref, out=str(self.folder / "scores.safetensors")))

    def gradients(self) -> dict[str, torch.Tensor]:
        return {name: p.grad.clone() for name, p in self.model.named_parameters() if p.grad is not None}

    def clear(self) -> None:
        self.protocol.session._now.optimizer.zero_grad()


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float = 1e-5) -> None:
    """All tensors, within the tolerance, absolute and relative."""
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}")


def rows(batch: dict[str, torch.Tensor]) -> list[slice]:
    """Where each sequence is."""
    bounds = batch["cu_seqlens"].tolist()
    return [slice(a, b) for a, b in zip(bounds, bounds[1:])]


def join(batch: dict[str, torch.Tensor], sequences: list[int]) -> dict[str, torch.Tensor]:
    """A batch of some sequences of another, in that order."""
    parts = [rows(batch)[number] for number in sequences]
    joined = {name: torch.cat([tensor[part] for part in parts]) for name, tensor in batch.items() if name != "cu_seqlens"}
    lengths = [part.stop - part.start for part in parts]
    return {**joined, "cu_seqlens": torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)}
