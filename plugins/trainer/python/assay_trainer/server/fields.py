"""Reads the body of a request: every value is checked, and one that is not known is refused rather than passed over."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from .http import HttpError
from .sampling import Controls

Fields = Mapping[str, Any]

NUMBERS = {
    # name: (default, least, most)
    "temperature": (1.0, 0.0, 100.0),
    "top_p": (1.0, 0.0, 1.0),
    "min_p": (0.0, 0.0, 1.0),
    "presence_penalty": (0.0, -2.0, 2.0),
    "frequency_penalty": (0.0, -2.0, 2.0),
    "repetition_penalty": (1.0, 0.0, 100.0),
}
ABOVE_LEAST = ("top_p", "repetition_penalty")
# What does not decide which tokens are sampled.
WITHOUT_EFFECT = {"model", "user", "metadata", "store", "stream", "stream_options", "return_token_ids"}
COMMON = {*NUMBERS, *WITHOUT_EFFECT, "max_tokens", "top_k", "seed", "stop", "n", "logprobs"}
COMPLETION = COMMON | {"prompt", "add_special_tokens"}
CHAT = COMMON | {"messages", "max_completion_tokens", "chat_template_kwargs", "add_generation_prompt", "top_logprobs"}
TOKENIZE = {"model", "prompt", "messages", "add_special_tokens", "add_generation_prompt", "chat_template_kwargs"}


def body_fields(body: bytes, known: set[str]) -> dict[str, Any]:
    """The object in a body, without what is null. Raises a 400 for anything else, and for names that are not known."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, f"the body is no JSON: {error}") from None
    if not isinstance(fields, dict):
        raise HttpError(400, "the body is no object")
    fields = {name: value for name, value in fields.items() if value is not None}
    for name in fields:
        if name not in known:
            raise HttpError(400, f"{name} is not supported", name)
    return fields


def controls_in(fields: Fields, default_max_tokens: int, room: int) -> Controls:
    """How the request wants its tokens drawn, of which there is room for so many. Raises a 400 that names the field."""
    if _integer(fields, "n", 1) != 1:
        raise HttpError(400, f"n must be 1, got {fields['n']}", "n")
    name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    max_tokens = _integer(fields, name, default_max_tokens)
    if max_tokens < 1:
        raise HttpError(400, f"{name} must be at least 1, got {max_tokens}", name)
    top_k = _integer(fields, "top_k", -1)
    if top_k < -1:
        raise HttpError(400, f"top_k must be -1 or 0 (off), or positive, got {top_k}", "top_k")
    seed = _integer(fields, "seed", 0) if "seed" in fields else None
    if seed is not None and not -(2**63) <= seed < 2**63:
        raise HttpError(400, "seed must fit 64 bits", "seed")
    return Controls(
        max_tokens=min(max_tokens, max(1, room)),
        top_k=top_k,
        seed=seed,
        stop=_stop(fields),
        **{name: _number(fields, name) for name in NUMBERS},
    )


def _number(fields: Fields, name: str) -> float:
    default, least, most = NUMBERS[name]
    value = fields.get(name, default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most or (value == least and name in ABOVE_LEAST):
        bounds = f"above {least:g} and at most {most:g}" if name in ABOVE_LEAST else f"from {least:g} to {most:g}"
        raise HttpError(400, f"{name} must be a number {bounds}, got {value!r}", name)
    return value


def _integer(fields: Fields, name: str, default: int) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise HttpError(400, f"{name} must be an integer, got {value!r}", name)
    return value


def _stop(fields: Fields) -> tuple[str, ...]:
    stop = fields.get("stop", [])
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(text, str) and text for text in stop) or len(stop) > 16:
        raise HttpError(400, "stop must be a text or a list of at most 16 texts that are not empty", "stop")
    return tuple(stop)


def flag(fields: Fields, name: str, default: bool = False) -> bool:
    """A field that is true or false."""
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise HttpError(400, f"{name} must be true or false, got {value!r}", name)
    return value


def wants_logprobs(fields: Fields) -> bool:
    """Whether log-probabilities are asked for; those of other tokens than the sampled one are not given."""
    for name in ("logprobs", "top_logprobs"):
        value = fields.get(name, 0)
        if not isinstance(value, int) or value not in (0, 1):
            raise HttpError(400, f"{name} must be 0 or 1: only that of the sampled token is given, got {value!r}", name)
    return "logprobs" in fields and fields["logprobs"] is not False


def wants_usage(fields: Fields) -> bool:
    """Whether a stream is to end with its usage."""
    options = fields.get("stream_options", {})
    if not isinstance(options, dict):
        raise HttpError(400, "stream_options must be an object", "stream_options")
    return flag(options, "include_usage")


def object_in(fields: Fields, name: str) -> dict[str, Any]:
    """A field that is an object; empty where it is left out."""
    value = fields.get(name, {})
    if not isinstance(value, dict):
        raise HttpError(400, f"{name} must be an object", name)
    return value
