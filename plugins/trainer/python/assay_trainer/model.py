"""Models in the format of Hugging Face transformers: from a folder, or initialised at random."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from .errors import TrainerError
from .head import token_logprobs
from .layout import PACKED, attention, attention_arguments

# Files of a tokenizer, which go into each checkpoint as they are.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "tokenizer.model",
)
# What multiplies or bounds the logits of some models; the chunked head knows the plain product only.
LOGIT_CHANGES = {
    "final_logit_softcapping": None,
    "logit_scale": 1.0,
    "logits_scaling": 1.0,
    "output_multiplier": 1.0,
    "lm_head_multiplier": 1.0,
}


@dataclass(frozen=True)
class Tokenizer:
    """The files of a tokenizer, and the tokenizer itself where transformers can make one of them."""

    files: Mapping[str, bytes]
    tokenizer: PreTrainedTokenizerBase | None


def read_tokenizer(folder: str) -> Tokenizer:
    """The tokenizer of a folder; without one, nothing that needs text works, but training does."""
    root = Path(folder)
    files = {name: (root / name).read_bytes() for name in TOKENIZER_FILES if (root / name).is_file()}
    if not files:
        return Tokenizer(files, None)
    try:
        # AutoTokenizer takes the kind of tokenizer from config.json where there is one, even if the tokenizer says that it is
        # what tokenizer.json says and nothing else.
        kind = json.loads(files.get("tokenizer_config.json", b"{}")).get("tokenizer_class")
        plain = kind in ("TokenizersBackend", "PreTrainedTokenizerFast") and "tokenizer.json" in files
        return Tokenizer(files, (PreTrainedTokenizerFast if plain else AutoTokenizer).from_pretrained(folder, local_files_only=True))
    except Exception as error:
        raise TrainerError("model_unreadable", f"{folder}: the tokenizer can't be read ({error})") from error


def read_config(folder: str, yarn: float | None) -> PreTrainedConfig:
    """The configuration of a folder, its context stretched."""
    if not (Path(folder) / "config.json").is_file():
        raise TrainerError("model_unreadable", f"{folder}: no config.json; give a folder in the format of Hugging Face transformers")
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise TrainerError("model_unreadable", f"{folder}/config.json: {error}") from error
    return stretch(config, yarn)


def random_config(fields: Mapping[str, object], yarn: float | None) -> PreTrainedConfig:
    """The configuration of a model that is yet to be initialised; `model_type` says what it is."""
    kind = fields.get("model_type")
    if not isinstance(kind, str):
        raise TrainerError("bad_request", "model.config.model_type is missing; for example qwen2")
    try:
        config = AutoConfig.for_model(kind, **{name: value for name, value in fields.items() if name != "model_type"})
    except Exception as error:
        raise TrainerError("model_unreadable", f"model.config: {error}") from error
    return stretch(config, yarn)


def stretch(config: PreTrainedConfig, factor: float | None) -> PreTrainedConfig:
    """YaRN (arXiv 2309.00071): positions are scaled so that the context is `factor` times as long."""
    if factor is None or factor == 1.0:
        return config
    rope = dict(getattr(config, "rope_parameters", None) or {})
    if rope.get("rope_type", "default") != "default":
        raise TrainerError("unsupported", f"the model scales its positions already ({rope.get('rope_type')}); leave yarn out")
    original = config.max_position_embeddings
    rope |= {"rope_type": "yarn", "factor": float(factor), "original_max_position_embeddings": original}
    config.rope_parameters = rope
    config.max_position_embeddings = int(original * factor)
    return config


def build(config: PreTrainedConfig, folder: str | None, seed: int) -> PreTrainedModel:
    """The model in float32, its weights from a folder or at random from the seed, and nothing random in its passes."""
    config._attn_implementation = "sdpa"
    torch.manual_seed(seed)
    try:
        if folder is None:
            model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        else:
            model = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32, local_files_only=True)
    except Exception as error:
        code = "unsupported" if "attention implementation" in str(error) else "model_unreadable"
        raise TrainerError(code, f"{folder or 'model.config'}: {type(error).__name__}: {error}") from error
    return _steady(model)


def empty(config: PreTrainedConfig) -> PreTrainedModel:
    """The model of `build` without values."""
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        return _steady(AutoModelForCausalLM.from_config(config, dtype=torch.float32))


def _steady(model: PreTrainedModel) -> PreTrainedModel:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = 0.0
    return model


def decoder_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The layers that are worth a group of their own when a model is split among processes."""
    kinds = set(model._no_split_modules or ())
    return [module for module in model.modules() if type(module).__name__ in kinds]


def check_head(model: PreTrainedModel) -> None:
    """`unsupported` unless the logits are the product of the hidden states and the output embeddings: compared on a few tokens."""
    config = model.config.get_text_config()
    for name, neutral in LOGIT_CHANGES.items():
        if getattr(config, name, None) not in (None, neutral):
            raise TrainerError("unsupported", f"{config.model_type}: {name} changes the logits, which the chunked head can't")
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear) or head.bias is not None:
        raise TrainerError("unsupported", f"{config.model_type}: the output layer is not a linear one without bias")
    try:
        difference = _packing_error(model, head.weight)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise TrainerError("unsupported", f"{config.model_type}: the model can't compute a packed row of six tokens: {error}") from error
    # Weights that are not finite are no matter of packing; the first loss says so.
    if difference > 1e-3:
        raise TrainerError("unsupported", f"{config.model_type}: packed log-probabilities differ from the model's own by {difference:.2g}")


@torch.no_grad()
def _packing_error(model: PreTrainedModel, weight: torch.Tensor) -> float:
    """How far log-probabilities of two packed sequences are from those of the model's own logits."""
    ids = torch.arange(6, device=weight.device).remainder(model.config.get_text_config().vocab_size)[None]
    positions = torch.tensor([[0, 1, 2, 0, 1, 2]], device=ids.device)
    parts = [model(input_ids=part, use_cache=False).logits[0].float().log_softmax(-1) for part in (ids[:, :3], ids[:, 3:])]
    with attention(model, PACKED):
        hidden = hidden_states(model, ids, positions, (3, 3), PACKED)
    targets = ids[0].roll(-1)
    found, _ = token_logprobs(hidden, weight, targets)
    return (torch.cat(parts).gather(1, targets[:, None]).squeeze(1) - found).abs().max().item()


def hidden_states(
    model: PreTrainedModel, ids: torch.Tensor, positions: torch.Tensor, lengths: tuple[int, ...], implementation: str
) -> torch.Tensor:
    """The last hidden states [T, d] of a packed row; to be called within `attention(model, implementation)`."""
    arguments = attention_arguments(lengths, implementation, ids.device)
    return model.base_model(input_ids=ids, position_ids=positions, use_cache=False, **arguments).last_hidden_state[0]


def neutral_generation(config: PreTrainedConfig) -> str:
    """generation_config.json that samples from the whole distribution: servers take their defaults from it, and others would bias rollouts."""
    fields: dict[str, object] = {"do_sample": True, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
    text = config.get_text_config()
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        value = getattr(text, name, None)
        if value is not None:
            fields[name] = value
    return json.dumps(fields, indent=2, sort_keys=True) + "\n"


class Policy(nn.Module):
    """A model and its chunked head: log-probabilities of wanted tokens of a packed row."""

    def __init__(self, model: PreTrainedModel, implementation: str, half: bool) -> None:
        super().__init__()
        self.model = model
        self.implementation = implementation
        self.half = half

    def forward(
        self, ids: torch.Tensor, positions: torch.Tensor, select: torch.Tensor, targets: torch.Tensor, lengths: tuple[int, ...]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities [N] of `targets` [N] as predicted at the places `select` [N] of the row, and entropies [N]."""
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.half):
            hidden = hidden_states(self.model, ids, positions, lengths, self.implementation)
        return token_logprobs(hidden.index_select(0, select), self.model.get_output_embeddings().weight, targets)
