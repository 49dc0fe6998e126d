"""From a request to a model in training, and from there to a checkpoint and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from . import context, parallel, state
from .errors import TrainerError
from .layout import training_attention
from .lora import Lora, add_lora, merged
from .model import Policy, Tokenizer, build, check_head, decoder_layers, empty, random_config, read_config, read_tokenizer
from .optim import AdamW, optimizer
from .parallel import Place


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
class Loaded:
    """A model in training."""

    policy: Policy
    tokenizer: Tokenizer
    optimizer: torch.optim.AdamW
    options: LoadOptions
    lora: Lora | None
    steps: int
    # Calls of `accumulate` since the last step; what they made is in the gradients of the parameters.
    waiting: int = 0

    def drop_gradients(self) -> None:
        """Nothing waits for a step any more."""
        self.optimizer.zero_grad(set_to_none=True)
        self.waiting = 0


@dataclass(frozen=True)
class Saved:
    """What trainer/state.json of a checkpoint says."""

    steps: int
    optimizer_steps: int
    lora: dict[str, Any] | None
    answers: list[Any]


def read_saved(root: Path) -> Saved:
    """The state of a checkpoint."""
    try:
        content = json.loads((root / "trainer" / "state.json").read_text(encoding="utf-8"))
        return Saved(**{field.name: content[field.name] for field in fields(Saved)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainerError("checkpoint_broken", f"{root}/trainer/state.json: {error}; take an older checkpoint") from error


def load(options: LoadOptions, root: Path | None, place: Place, together: Callable[[Callable[[], Any]], Any]) -> tuple[Loaded, Saved | None]:
    """The model of a request, or of the checkpoint at `root`; `together` runs an action so that an error in one process is one in all."""
    saved = together(lambda: read_saved(root)) if root else None
    folder = str(root / "model") if root else options.folder
    lora = Lora(**saved.lora) if saved and saved.lora else None if saved else options.lora
    if saved and options.lora not in (None, lora):
        raise TrainerError("bad_request", f"the checkpoint was made with {lora}, but load says {options.lora}")
    config, tokenizer = together(lambda: _describe(options, folder, saved))
    if place.context > 1:
        context.check_heads(config, place.context)
    # With many processes the first one makes the model in main memory, and each takes its part of it.
    source = together(lambda: _make(config, folder, options.seed, lora, root) if place.first else None)
    model = source if place.processes == 1 else empty(config)
    if place.processes > 1 and lora:
        add_lora(model, lora)
    if options.checkpointing:
        model.activation_checkpointing_enable()
    attention = training_attention(place.device)
    policy = Policy(model, context.register(place, attention) if place.context > 1 else attention, place.half)
    if place.processes == 1:
        policy.to(place.device)
    else:
        parallel.shard(place, policy, decoder_layers(model))
        policy.to_empty(device=place.device)
        model.tie_weights()
        parallel.fill(place, policy, Policy(source, attention, place.half) if source is not None else None)
    policy.eval()
    loaded = Loaded(policy, tokenizer, optimizer(policy, options.optimizer), options, lora, saved.steps if saved else 0)
    if saved:
        state.restore_optimizer(model, loaded.optimizer, state.open_tensors(root / "trainer", "optimizer"), saved.optimizer_steps, place.first)
    return loaded, saved


def _describe(options: LoadOptions, folder: str | None, saved: Saved | None) -> tuple[PreTrainedConfig, Tokenizer]:
    # The configuration of a checkpoint is stretched already.
    yarn = None if saved else options.yarn
    config = read_config(folder, yarn) if folder else random_config(options.config, yarn)
    return config, read_tokenizer(folder or options.tokenizer)


def _make(config: PreTrainedConfig, folder: str | None, seed: int, lora: Lora | None, root: Path | None) -> PreTrainedModel:
    model = build(config, folder, seed)
    check_head(model)
    if lora:
        add_lora(model, lora)
    if root:
        exact = state.open_tensors(root / "trainer", "weights")
        model.load_state_dict({name: read() for name, read in exact.items()}, strict=False)
    return model


def model_tensors(loaded: Loaded, place: Place) -> dict[str, torch.Tensor]:
    """What a policy server gets: the weights as transformers names them, adapters merged; empty but in the first process (all call)."""
    if loaded.lora is None:
        return dict(state.weights(loaded.policy.model, place.first, place.dtype))
    plain = merged(dict(state.weights(loaded.policy.model, place.first, None)), loaded.lora.alpha / loaded.lora.rank)
    return {name: tensor.to(place.dtype) for name, tensor in plain.items()}


def fill_checkpoint(root: Path, loaded: Loaded, place: Place, answers: list[Any]) -> None:
    """Writes model/ and trainer/ of a checkpoint; all processes call it, as parts of tensors are everywhere, and the first one writes."""
    model = loaded.policy.model
    writer = state.Writer(root, place.first)
    tensors = model_tensors(loaded, place)
    writer.attempt(lambda: state.write_model(root / "model", model, tensors, place.dtype, loaded.tokenizer))
    del tensors
    writer.attempt((root / "trainer").mkdir)
    # What model/ doesn't hold exactly.
    if loaded.lora or place.half:
        writer.tensors("weights", state.weights(model, place.first, None))
    writer.tensors("optimizer", state.moments(model, loaded.optimizer, place.first))
    facts = Saved(loaded.steps, state.optimizer_steps(loaded.optimizer), loaded.lora and vars(loaded.lora), answers)
    writer.attempt(lambda: state.write_json(root / "trainer" / "state.json", vars(facts)))
    writer.end()
