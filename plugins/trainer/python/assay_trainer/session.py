"""A model in training: what the operations of the protocol do."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from . import checkpoint, parallel, state
from .batch import Batch, FileRef, digest_of, finite_tokens, read_batch
from .errors import TrainerError, classify
from .layout import Packed, attention, deal, micro_batches, pack, pieces, training_attention
from .lora import Lora, add_lora, merged
from .losses import SUMS, Loss, Tokens, as_answer, loss_and_sums
from .losses import Policy as PolicyLoss
from .model import Policy, Tokenizer, build, check_head, random_config, read_config, read_tokenizer
from .optim import AdamW, clip, optimizer
from .parallel import Place

T = TypeVar("T")


@dataclass(frozen=True)
class LoadOptions:
    """As in trainer.ts; `folder`, or `config` and `tokenizer`, or `resume`."""

    folder: str | None
    config: dict[str, Any] | None
    tokenizer: str | None
    optimizer: AdamW
    seed: int
    resume: str | None
    micro_batch_tokens: int
    lora: Lora | None
    yarn: float | None
    checkpointing: bool


@dataclass
class _Loaded:
    policy: Policy
    tokenizer: Tokenizer
    optimizer: torch.optim.AdamW
    options: LoadOptions
    steps: int
    # Calls of `accumulate` since the last step; what they made is in the gradients of the parameters.
    waiting: int = 0


class Session:
    """The model, its optimiser and the gradients that wait for a step.

    `lock` is held by each operation; who samples from `model` meanwhile (the embedded server) takes it for each of its passes.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lock = threading.RLock()
        self._now: _Loaded | None = None

    @property
    def model(self) -> PreTrainedModel:
        """The transformers model whose weights are trained; `not_loaded` before there is one."""
        return self._loaded().policy.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase | None:
        """The tokenizer that came with the model; None: it has none."""
        return self._loaded().tokenizer.tokenizer

    @property
    def weight_version(self) -> str:
        """Number of steps that made the present weights."""
        return str(self._loaded().steps)

    def load(self, options: LoadOptions) -> tuple[dict[str, Any], list[Any]]:
        """A model and its optimiser, fresh or of a checkpoint; returns Loaded, and the answers that the checkpoint remembers."""
        with self.lock:
            self._now = None
            root = self._together(lambda: checkpoint.locate(options.resume)) if options.resume else None
            saved = json.loads((root / "trainer" / "state.json").read_text(encoding="utf-8")) if root else None
            self._now = loaded = _load(options, root, saved, self.place)
            if saved:
                _restore(loaded, root / "trainer", saved)
            model = loaded.policy.model
            answer = {
                "weight_version": self.weight_version,
                "parameters": sum(p.numel() for p in model.parameters()),
                "vocabulary": model.get_output_embeddings().weight.shape[0],
                "context": model.config.get_text_config().max_position_embeddings,
            }
            return answer, saved["answers"] if saved else []

    def logprobs(self, ref: FileRef, out: str) -> dict[str, Any]:
        """Scores each token but the first of a sequence under the present weights, into the file `out`."""
        with self.lock, torch.no_grad():
            loaded = self._loaded()
            batch = self._read(ref)
            wanted = torch.ones(batch.tokens, dtype=torch.bool)
            wanted[torch.tensor(batch.bounds[:-1])] = False
            scores = torch.zeros(2, batch.tokens)
            for packed in self._rounds(loaded, batch, wanted):
                logprobs, entropies = self._forward(loaded, batch, packed)
                scores[0, packed.index] = logprobs.cpu()
                scores[1, packed.index] = entropies.cpu()
            scores = parallel.sum_tensor(self.place, scores)
            return {"file": self._together(lambda: _write_scores(scores, out) if self.place.first else None)}

    def accumulate(self, ref: FileRef, loss: Loss) -> dict[str, Any]:
        """Adds the gradient of a batch. Once it has begun (any error but `bad_batch`), an error drops all that waited for a step."""
        with self.lock:
            loaded = self._loaded()
            policy = isinstance(loss, PolicyLoss)
            batch = self._read(ref, policy)
            try:
                wanted, left_out = finite_tokens(batch, policy)
                sums = self._backward(loaded, batch, wanted, loss)
            except BaseException:
                _drop(loaded)
                raise
            sums["non_finite"] = float(left_out)
            if not all(math.isfinite(value) for value in sums.values()):
                _drop(loaded)
                raise TrainerError("non_finite", "the loss is not finite; gradients that waited for a step were dropped")
            loaded.waiting += 1
            return as_answer(sums)

    def step(self, learning_rate: float, gradient_clip: float) -> dict[str, Any]:
        """Applies what waits, once; a gradient that is not finite is dropped instead, and its norm is None."""
        with self.lock:
            loaded = self._loaded()
            if loaded.waiting == 0:
                raise TrainerError("bad_request", "no gradient waits for a step: accumulate first (an error there drops what waited)")
            norm = clip(list(loaded.policy.parameters()), gradient_clip)
            if math.isfinite(norm):
                for group in loaded.optimizer.param_groups:
                    group["lr"] = learning_rate
                loaded.optimizer.step()
                loaded.steps += 1
            _drop(loaded)
            return {"gradient_norm": norm if math.isfinite(norm) else None, "weight_version": self.weight_version}

    def save(self, folder: str, answers: list[Any]) -> dict[str, Any]:
        """A checkpoint; gradients that wait for a step are not in it."""
        with self.lock:
            loaded = self._loaded()
            keep = self.place.first
            model = loaded.policy.model
            weights = state.weights(model, keep)
            moments, seen = state.optimizer_state(model, loaded.optimizer, keep)
            facts = {
                "steps": loaded.steps,
                "optimizer_steps": seen,
                "seed": loaded.options.seed,
                "lora": loaded.options.lora and vars(loaded.options.lora),
                "answers": answers,
            }

            def fill(root: Path) -> None:
                _fill(root, loaded, self.place, weights, moments, facts)

            files = self._together(lambda: checkpoint.write(folder, fill) if keep else None)
            return {"weight_version": self.weight_version, "files": files}

    def _loaded(self) -> _Loaded:
        if self._now is None:
            raise TrainerError("not_loaded", "no model is loaded: send load first")
        return self._now

    def _together(self, action: Callable[[], T]) -> T:
        """An action that may fail in one process: then it fails in all."""
        result, failure = None, None
        try:
            result = action()
        except Exception as error:
            failure = classify(error)
        parallel.agree(self.place, failure)
        return result

    def _read(self, ref: FileRef, policy: bool = False) -> Batch:
        model = self.model
        vocabulary = model.get_output_embeddings().weight.shape[0]
        context = model.config.get_text_config().max_position_embeddings
        batch = self._together(lambda: read_batch(ref, vocabulary, context))
        if policy and (batch.advantages is None or batch.old_logprobs is None):
            raise TrainerError("bad_batch", f"{ref.path}: a policy loss needs advantages and old_logprobs")
        return batch

    def _rounds(self, loaded: _Loaded, batch: Batch, wanted: torch.Tensor) -> Iterator[Packed]:
        """The packed rows of this process; all processes have the same number of them, as they compute together."""
        size = loaded.options.micro_batch_tokens
        dealt = [micro_batches(hand, size) for hand in deal(pieces(batch, wanted), self.place.processes)]
        mine = dealt[self.place.rank]
        for number in range(max(len(groups) for groups in dealt)):
            yield pack(batch, mine[number] if number < len(mine) else [], wanted)

    def _forward(self, loaded: _Loaded, batch: Batch, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
        device = self.place.device
        targets = batch.input_ids[packed.index]
        with attention(loaded.policy.model, loaded.policy.implementation):
            return loaded.policy(
                packed.input_ids.to(device), packed.position_ids.to(device), packed.lengths, packed.select.to(device), targets.to(device)
            )

    def _backward(self, loaded: _Loaded, batch: Batch, wanted: torch.Tensor, loss: Loss) -> dict[str, float]:
        totals: dict[str, torch.Tensor] = {}
        loaded.policy.train()
        try:
            for packed in self._rounds(loaded, batch, wanted):
                logprobs, entropies = self._forward(loaded, batch, packed)
                value, sums = loss_and_sums(loss, _tokens(batch, packed, self.place.device), logprobs, entropies)
                with attention(loaded.policy.model, loaded.policy.implementation):
                    value.backward()
                totals = {name: totals.get(name, 0.0) + tensor for name, tensor in sums.items()}
        finally:
            loaded.policy.eval()
        values = [float(totals.get(name, 0.0)) for name in SUMS]
        return dict(zip(SUMS, parallel.sum_over(self.place, values)))


def _load(options: LoadOptions, root: Path | None, saved: dict[str, Any] | None, place: Place) -> _Loaded:
    folder = str(root / "model") if root else options.folder
    lora = options.lora
    if saved:
        lora = Lora(**saved["lora"]) if saved["lora"] else None
        if options.lora not in (None, lora):
            raise TrainerError("bad_request", f"the checkpoint was made with {lora}, but load says {options.lora}")
        config = read_config(folder, None)
    else:
        config = read_config(folder, options.yarn) if folder else random_config(options.config, options.yarn)
    tokenizer = read_tokenizer(folder or options.tokenizer)
    model = build(config, folder, options.seed)
    check_head(model)
    if lora:
        add_lora(model, lora)
    if root and (root / "trainer" / "weights-00000.safetensors").exists():
        model.load_state_dict(state.read_tensors(root / "trainer", "weights"), strict=False)
    if options.checkpointing:
        model.activation_checkpointing_enable()
    policy = Policy(model, training_attention(place.device), place.half).to(place.device).eval()
    return _Loaded(policy, tokenizer, optimizer(policy, options.optimizer), options, saved["steps"] if saved else 0)


def _restore(loaded: _Loaded, folder: Path, saved: dict[str, Any]) -> None:
    model = loaded.policy.model
    state.restore_optimizer(model, loaded.optimizer, state.read_tensors(folder, "optimizer"), saved["optimizer_steps"])


def _fill(
    root: Path, loaded: _Loaded, place: Place, weights: dict[str, torch.Tensor], moments: dict[str, torch.Tensor], facts: dict[str, Any]
) -> None:
    lora = loaded.options.lora
    plain = merged(weights, lora.alpha / lora.rank) if lora else weights
    state.write_model(root / "model", loaded.policy.model, plain, torch.bfloat16 if place.half else torch.float32, loaded.tokenizer)
    folder = root / "trainer"
    folder.mkdir()
    if lora or place.half:
        state.write_tensors(folder, "weights", weights)
    state.write_tensors(folder, "optimizer", moments)
    state.write_json(folder / "state.json", facts)


def _tokens(batch: Batch, packed: Packed, device: torch.device) -> Tokens:
    def part(values: torch.Tensor | None) -> torch.Tensor | None:
        return None if values is None else values[packed.index].to(device)

    return Tokens(
        batch.weights[packed.index].to(device),
        packed.owner.to(device),
        len(packed.lengths),
        part(batch.advantages),
        part(batch.old_logprobs),
        part(batch.rollout_logprobs),
    )


def _drop(loaded: _Loaded) -> None:
    loaded.optimizer.zero_grad(set_to_none=True)
    loaded.waiting = 0


def _write_scores(scores: torch.Tensor, out: str) -> dict[str, str]:
    fresh = f"{out}.writing"
    try:
        save_file({"logprobs": scores[0].contiguous(), "entropies": scores[1].contiguous()}, fresh)
        os.replace(fresh, out)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
    return {"path": out, "sha256": digest_of(Path(out))}


