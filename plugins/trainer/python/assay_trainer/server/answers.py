"""The form of an answer to a completion or a chat."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from .engine import Request
from .http import HttpError, Reply
from .sampling import Controls
from .text import Text


@dataclass(frozen=True)
class AnswerForm:
    """What one request wants in its answer."""

    text: Text
    model: str
    is_chat: bool
    has_logprobs: bool
    has_token_ids: bool
    has_usage: bool

    def whole(self, request: Request) -> dict[str, Any]:
        """The answer as one object."""
        choice = self._choice(request, "message" if self.is_chat else None)
        return {**self._head(request, is_chunk=False), "choices": [choice], "usage": _usage(request)}

    def events(self, request: Request) -> list[dict[str, Any]]:
        """The answer as the events of a stream: one, and the usage."""
        head = self._head(request, is_chunk=True)
        events = [{**head, "choices": [self._choice(request, "delta" if self.is_chat else None)]}]
        if self.has_usage:
            events.append({**head, "choices": [], "usage": _usage(request)})
        return events

    def _head(self, request: Request, is_chunk: bool) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if is_chunk else "chat.completion") if self.is_chat else "text_completion"
        return {
            "id": f"{'chatcmpl' if self.is_chat else 'cmpl'}-{uuid.uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self.model,
            "sampling_params": _echo(request.controls),
            "weight_version": request.versions[-1],
            "weight_versions": request.versions,
        }

    def _choice(self, request: Request, holder: str | None) -> dict[str, Any]:
        text = self.text.cut(self.text.text_of(request.sampled), request.controls.stop)
        choice: dict[str, Any] = {"index": 0, "finish_reason": request.finish_reason, "logprobs": None}
        if holder is None:
            choice["text"] = text
        else:
            choice[holder] = {"role": "assistant", "content": text}
        if self.has_logprobs:
            choice["logprobs"] = self._logprobs(request)
        if self.has_token_ids:
            choice["token_ids"] = request.sampled
            choice["prompt_token_ids"] = request.prompt
        return choice

    def _logprobs(self, request: Request) -> dict[str, Any]:
        pieces = self.text.pieces(request.sampled)
        both = {"tokens": pieces, "token_logprobs": request.logprobs}
        if not self.is_chat:
            return both
        return {
            **both,
            "content": [
                {"token": piece, "logprob": logprob, "top_logprobs": []}
                for piece, logprob in zip(pieces, request.logprobs)
            ],
        }


def send(request: Request, reply: Reply, form: AnswerForm, is_stream: bool) -> None:
    """Answers a request that is over; never raises."""
    try:
        if request.error is not None:
            raise HttpError(request.error_status, request.error)
        if is_stream:
            reply.events(form.events(request))
        else:
            reply.json(form.whole(request))
    except HttpError as error:
        reply.error(error)
    except Exception as error:  # Whatever the tokenizer may raise is of this answer only.
        reply.error(HttpError(500, f"{type(error).__name__}: {error}"))


def _echo(controls: Controls) -> dict[str, Any]:
    """Every control as it was in effect."""
    return {
        "n": 1,
        "max_tokens": controls.max_tokens,
        "temperature": controls.temperature,
        "top_p": controls.top_p,
        "top_k": controls.top_k,
        "min_p": controls.min_p,
        "presence_penalty": controls.presence_penalty,
        "frequency_penalty": controls.frequency_penalty,
        "repetition_penalty": controls.repetition_penalty,
        "seed": controls.seed,
        "stop": list(controls.stop),
    }


def _usage(request: Request) -> dict[str, Any]:
    prompt, sampled = len(request.prompt), len(request.sampled)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": sampled,
        "total_tokens": prompt + sampled,
        "prompt_tokens_details": {"cached_tokens": request.reused},
    }
