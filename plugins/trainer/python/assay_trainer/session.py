"""A model in training: what the operations of the protocol do."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import save_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from . import checkpoint, context, parallel
from .batch import Batch, FileRef, digest_of, finite_tokens, read_batch
from .errors import TrainerError, classify
from .layout import Packed, attention, deal, divided, micro_batches, pack, pieces
from .loading import Loaded, LoadOptions, fill_checkpoint, load
from .losses import SUMS, Loss, Policy, Tokens, as_answer, loss_and_sums
from .optim import clip, total_norm
from .parallel import Place

T = TypeVar("T")


class Session:
    """The model, its optimiser and the gradients that wait for a step.

    `lock` is held by each operation; who samples from `model` meanwhile (the embedded server) takes it for each of its passes.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.lock = threading.RLock()
        self._now: Loaded | None = None

    @property
    def model(self) -> PreTrainedModel:
        """The transformers model whose weights are trained; `not_loaded` before there is one."""
        return self.loaded().policy.model

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase | None:
        """The tokenizer that came with the model; None: it has none."""
        return self.loaded().tokenizer.tokenizer

    @property
    def weight_version(self) -> str:
        """Number of steps that made the present weights."""
        return str(self.loaded().steps)

    def load(self, options: LoadOptions) -> tuple[dict[str, Any], list[Any]]:
        """A model and its optimiser, fresh or of a checkpoint; returns Loaded, and the answers that the checkpoint remembers."""
        with self.lock:
            self._now = None
            root = self._together(lambda: checkpoint.locate(options.resume)) if options.resume else None
            self._now, saved = load(options, root, self.place, self._together)
            model = self.model
            answer = {
                "weight_version": self.weight_version,
                "parameters": sum(p.numel() for p in model.parameters()),
                "vocabulary": model.get_output_embeddings().weight.shape[0],
                "context": model.config.get_text_config().max_position_embeddings,
            }
            return answer, saved.answers if saved else []

    def logprobs(self, ref: FileRef, out: str) -> dict[str, Any]:
        """Scores each token but the first of a sequence under the present weights, into the file `out`."""
        with self.lock, torch.no_grad():
            loaded = self.loaded()
            batch = self._read(ref)
            wanted = torch.ones(batch.tokens, dtype=torch.bool)
            wanted[torch.tensor(batch.bounds[:-1])] = False
            scores = torch.zeros(2, batch.tokens)
            for packed in self._rounds(loaded, batch, wanted):
                logprobs, entropies = self._forward(loaded, batch, packed)
                if self.place.seat == 0:
                    scores[:, packed.index] = torch.stack([logprobs, entropies]).cpu()
            scores = parallel.sum_tensor(self.place, scores)
            return {"file": self._together(lambda: _write_scores(scores, out) if self.place.first else None)}

    def accumulate(self, ref: FileRef, loss: Loss) -> dict[str, Any]:
        """Adds the gradient of a batch. Once it has begun (any error but `bad_batch`), an error drops all that waited for a step."""
        with self.lock:
            loaded = self.loaded()
            policy = isinstance(loss, Policy)
            batch = self._read(ref, policy)
            try:
                wanted, left_out = finite_tokens(batch, policy)
                sums = self._backward(loaded, batch, wanted, loss)
            except BaseException:
                parallel.recover(loaded.policy)
                loaded.drop_gradients()
                raise
            sums["non_finite"] = float(left_out)
            if not all(math.isfinite(value) for value in sums.values()):
                loaded.drop_gradients()
                raise TrainerError("non_finite", "the loss is not finite; gradients that waited for a step were dropped")
            loaded.waiting += 1
            return as_answer(sums)

    def step(self, learning_rate: float, gradient_clip: float) -> dict[str, Any]:
        """Applies what waits, once; a gradient that is not finite is dropped instead, and its norm is None. `non_finite` where the weights come out so."""
        with self.lock:
            loaded = self.loaded()
            if loaded.waiting == 0:
                raise TrainerError("bad_request", "no gradient waits for a step: accumulate first (an error there drops what waited)")
            parameters = list(loaded.policy.parameters())
            norm = clip(parameters, gradient_clip)
            if math.isfinite(norm):
                for group in loaded.optimizer.param_groups:
                    group["lr"] = learning_rate
                loaded.optimizer.step()
                loaded.steps += 1
            loaded.drop_gradients()
            if not math.isfinite(total_norm([parameter.detach() for parameter in parameters])):
                raise TrainerError("non_finite", f"the weights are not finite after a step at learning rate {learning_rate}: go on from a checkpoint")
            return {"gradient_norm": norm if math.isfinite(norm) else None, "weight_version": self.weight_version}

    def save(self, folder: str, answers: list[Any]) -> dict[str, Any]:
        """A checkpoint; gradients that wait for a step are not in it."""
        with self.lock:
            loaded = self.loaded()
            files = self.write_folder(folder, lambda root: fill_checkpoint(root, loaded, self.place, answers))
            return {"weight_version": self.weight_version, "files": files}

    def write_folder(self, folder: str, fill: Callable[[Path], None]) -> list[dict[str, object]] | None:
        """A folder that is whole or not there, which all processes fill together; its files, in the first process."""
        first = self.place.first
        self._together(lambda: checkpoint.begin(folder) if first else None)
        try:
            self._together(lambda: fill(checkpoint.beside(folder)))
            return self._together(lambda: checkpoint.finish(folder) if first else None)
        except BaseException:
            if first:
                checkpoint.abandon(folder)
            raise

    def loaded(self) -> Loaded:
        """What is in training; `not_loaded` if nothing is."""
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
        longest = model.config.get_text_config().max_position_embeddings
        batch = self._together(lambda: read_batch(ref, vocabulary, longest))
        if policy and (batch.advantages is None or batch.old_logprobs is None):
            raise TrainerError("bad_batch", f"{ref.path}: a policy loss needs advantages and old_logprobs")
        return batch

    def _rounds(self, loaded: Loaded, batch: Batch, wanted: torch.Tensor) -> Iterator[Packed]:
        """The packed rows of this process; all processes have the same number of them, as they compute together."""
        size = loaded.options.micro_batch_tokens
        dealt = [micro_batches(hand, size) for hand in deal(pieces(batch, wanted), self.place.hands)]
        mine = dealt[self.place.hand]
        for number in range(max(len(groups) for groups in dealt)):
            yield pack(batch, mine[number] if number < len(mine) else [], wanted)

    def _forward(self, loaded: Loaded, batch: Batch, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
        place = self.place
        index, select, ids, positions, lengths = packed.index, packed.select, packed.input_ids, packed.position_ids, packed.lengths
        counts = None
        if place.context > 1:
            packed = divided(packed, place.context)
            part, mine, counts = context.part_of(packed, place)
            index, select, lengths = index[mine], select[mine] - part.start, packed.lengths
            ids, positions = packed.input_ids[:, part], packed.position_ids[:, part]
        targets = batch.input_ids[index]
        with attention(loaded.policy.model, loaded.policy.implementation):
            logprobs, entropies = loaded.policy(*(t.to(place.device) for t in (ids, positions, select, targets)), lengths)
        if counts is None:
            return logprobs, entropies
        return context.gather(logprobs, counts, place), context.gather(entropies, counts, place)

    def _backward(self, loaded: Loaded, batch: Batch, wanted: torch.Tensor, loss: Loss) -> dict[str, float]:
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
        # Those who share a row have all the same sums.
        values = [float(totals.get(name, 0.0)) if self.place.seat == 0 else 0.0 for name in SUMS]
        return dict(zip(SUMS, parallel.sum_over(self.place, values)))


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


def _write_scores(scores: torch.Tensor, out: str) -> dict[str, str]:
    fresh = f"{out}.writing"
    try:
        save_file({"logprobs": scores[0].contiguous(), "entropies": scores[1].contiguous()}, fresh)
        os.replace(fresh, out)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
    return {"path": out, "sha256": digest_of(Path(out))}


