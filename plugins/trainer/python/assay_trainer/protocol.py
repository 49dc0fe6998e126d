"""Requests and answers: what may be asked, in which order, and what is answered again."""

from __future__ import annotations

import json
import os
import platform
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import safetensors
import torch
import transformers

from . import PROTOCOL
from .batch import FileRef
from .errors import TrainerError, classify
from .lora import Lora
from .losses import CrossEntropy, Loss, Policy
from .optim import AdamW
from .parallel import Place
from .loading import LoadOptions
from .session import Session
from .sync import Syncer, sync_kinds

REMEMBERED = 64


class Fields:
    """The fields of an object in a request; `bad_request` for one that is missing, of another kind, or not known."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise TrainerError("bad_request", f"{where} must be an object")
        self.where = where
        self.rest = {name: item for name, item in value.items() if item is not None}

    def has(self, name: str) -> bool:
        return name in self.rest

    def take(self, name: str, kind: type, default: Any = ...) -> Any:
        if name not in self.rest:
            if default is ...:
                raise TrainerError("bad_request", f"{self.where}.{name} is missing")
            return default
        value = self.rest.pop(name)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TrainerError("bad_request", f"{self.where}.{name} must be of type {kind.__name__}")
        return value

    def number(self, name: str, least: float, default: Any = ..., above: bool = False) -> Any:
        value = self.take(name, float, default)
        if value is not None and not (least < value if above else least <= value):
            raise TrainerError("bad_request", f"{self.where}.{name} must be {'more than' if above else 'at least'} {least}")
        return value

    def inner(self, name: str) -> Fields:
        return Fields(f"{self.where}.{name}", self.take(name, dict))

    def end(self) -> None:
        if self.rest:
            raise TrainerError("bad_request", f"{self.where}: unknown {', '.join(sorted(self.rest))}")


class Protocol:
    """Answers requests, one at a time; a change that was done is not done again when it is asked for again."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.session = Session(place)
        self.syncer = Syncer(self.session)
        # The last changes: seq, canonical body, result; the first is the oldest.
        self.done: list[tuple[int, str, Any]] = []
        self.stopped = False

    def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line."""
        number = None
        try:
            request = _parse(line)
            number = request.get("id")
            return {"id": number, "ok": True, "result": self._do(request)}
        except Exception as error:
            known = classify(error)
            if not isinstance(error, TrainerError):
                traceback.print_exc(file=sys.stderr)
                if self.place.processes > 1:
                    # The others wait for this one in the middle of a pass: torchrun ends them all, and the caller sees it.
                    sys.stderr.flush()
                    os._exit(70)
            return {"id": number, "ok": False, "error": {"code": known.code, "message": known.message, "retryable": known.retryable}}

    def _do(self, request: Mapping[str, Any]) -> Any:
        operation = request.get("op")
        fields = Fields(str(operation), {name: value for name, value in request.items() if name not in ("id", "op")})
        if operation == "hello":
            fields.end()
            return hello(self.place)
        if operation == "load":
            return self._load(fields)
        if operation == "logprobs":
            batch, out = _file(fields), fields.take("out", str)
            fields.end()
            return self.session.logprobs(batch, out)
        if operation == "stop":
            fields.end()
            self.stopped = True
            return {}
        changes: dict[Any, Callable[[Fields], Callable[[], Any]]] = {
            "accumulate": self._accumulate,
            "step": self._step,
            "save": self._save,
            "sync": self._sync,
        }
        if operation not in changes:
            raise TrainerError("unknown_op", f"there is no operation {operation!r}")
        body = json.dumps({name: value for name, value in request.items() if name != "id"}, sort_keys=True, separators=(",", ":"))
        seq = fields.take("seq", int)
        for known, content, result in self.done:
            if known == seq and content == body:
                return result
        if self.done and seq <= self.done[-1][0]:
            raise TrainerError("seq_conflict", f"seq {seq} was used for another request, or is too old; the last was {self.done[-1][0]}")
        action = changes[operation](fields)
        fields.end()
        result = action()
        self.done = [*self.done, (seq, body, result)][-REMEMBERED:]
        return result

    def _load(self, fields: Fields) -> Any:
        options = _load_options(fields)
        fields.end()
        self.done = []
        loaded, answers = self.session.load(options)
        self.done = [(seq, body, result) for seq, body, result in answers]
        return {**loaded, "last_seq": self.done[-1][0] if self.done else None}

    def _accumulate(self, fields: Fields) -> Callable[[], Any]:
        batch, loss = _file(fields), _loss(fields.inner("loss"))
        return lambda: self.session.accumulate(batch, loss)

    def _step(self, fields: Fields) -> Callable[[], Any]:
        rate, largest = fields.number("learning_rate", 0.0), fields.number("gradient_clip", 0.0, above=True)
        return lambda: self.session.step(rate, largest)

    def _save(self, fields: Fields) -> Callable[[], Any]:
        folder = fields.take("folder", str)
        return lambda: self.session.save(folder, [list(entry) for entry in self.done])

    def _sync(self, fields: Fields) -> Callable[[], Any]:
        target = fields.take("target", dict)
        return lambda: self.syncer.sync(Fields("sync.target", target))


def hello(place: Place) -> dict[str, Any]:
    """What this trainer is, and what it can."""
    return {
        "protocol": PROTOCOL,
        "device": place.device.type,
        "dtype": "bfloat16" if place.half else "float32",
        "processes": place.processes,
        "capabilities": {
            "losses": ["cross_entropy", "policy"],
            "ratio_levels": ["token", "sequence"],
            "entropy": True,
            "context_parallel": place.context > 1,
            "lora": True,
            "sync": sync_kinds(place),
        },
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "safetensors": safetensors.__version__,
            "cuda": torch.version.cuda if place.device.type == "cuda" else None,
        },
    }


def _parse(line: bytes) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise TrainerError("bad_request", f"the line is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise TrainerError("bad_request", "a request must be an object")
    return request


def _file(fields: Fields) -> FileRef:
    inner = fields.inner("batch")
    ref = FileRef(inner.take("path", str), inner.take("sha256", str))
    inner.end()
    return ref


def _load_options(fields: Fields) -> LoadOptions:
    resume = fields.take("resume", str, None)
    model = fields.inner("model") if fields.has("model") or resume is None else Fields("load.model", {})
    folder, config = model.take("folder", str, None), model.take("config", dict, None)
    tokenizer = model.take("tokenizer", str, None)
    model.end()
    if resume is None and (folder is None) == (config is None):
        raise TrainerError("bad_request", "load.model must have either folder or config")
    if resume is None and config is not None and tokenizer is None:
        raise TrainerError("bad_request", "load.model.tokenizer is missing: a folder with the tokenizer of the model that is initialised")
    optimizer = fields.inner("optimizer")
    betas = optimizer.take("betas", list)
    if len(betas) != 2 or not all(isinstance(beta, (int, float)) and 0 <= beta < 1 for beta in betas):
        raise TrainerError("bad_request", "load.optimizer.betas must be two numbers from 0 to less than 1")
    adam = AdamW((float(betas[0]), float(betas[1])), optimizer.number("eps", 0.0), optimizer.number("weight_decay", 0.0))
    optimizer.end()
    lora = None
    if fields.has("lora"):
        inner = fields.inner("lora")
        lora = Lora(int(inner.number("rank", 1)), inner.number("alpha", 0.0, above=True))
        inner.end()
    return LoadOptions(
        folder,
        config,
        tokenizer,
        adam,
        fields.take("seed", int),
        resume,
        int(fields.number("micro_batch_tokens", 1)),
        lora,
        fields.number("yarn", 1.0, None),
        fields.take("checkpointing", bool, False),
    )


def _loss(fields: Fields) -> Loss:
    kind = fields.take("kind", str)
    normalizer = fields.take("normalizer", float)
    if not normalizer > 0 or normalizer == float("inf"):
        raise TrainerError("non_finite" if normalizer != normalizer else "bad_request", "loss.normalizer must be a positive number")
    if kind == "cross_entropy":
        loss: Loss = CrossEntropy(normalizer)
    elif kind == "policy":
        loss = Policy(
            normalizer,
            fields.number("clip_low", 0.0),
            fields.number("clip_high", 0.0),
            _choice(fields, "ratio_level", ("token", "sequence")),
            _choice(fields, "surrogate", ("clip", "cispo")),
            fields.number("dual_clip", 1.0, None, above=True),
            fields.number("tis_cap", 0.0, None, above=True),
        )
    else:
        raise TrainerError("bad_request", f"loss.kind must be cross_entropy or policy, not {kind!r}")
    fields.end()
    return loss


def _choice(fields: Fields, name: str, choices: tuple[str, ...]) -> str:
    value = fields.take(name, str)
    if value not in choices:
        raise TrainerError("bad_request", f"loss.{name} must be one of {', '.join(choices)}, not {value!r}")
    return value
