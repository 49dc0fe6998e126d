"""What the server answers to each call: the part of OpenAI's interface that rollouts need, as vLLM and SGLang extend it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .answers import AnswerForm, send
from .engine import Engine, Request, Session
from .fields import CHAT, COMPLETION, TOKENIZE, Fields, body_fields, controls_in, flag, wants_logprobs, wants_usage
from .http import Call, HttpError, Reply
from .text import Text

COMPLETION_TOKENS = 16
"""Of a completion that says nothing, as in OpenAI's interface."""


class Api:
    """Answers calls; `wake` is called when the engine has something to do."""

    def __init__(self, session: Session, engine: Engine, model: str, wake: Callable[[], None]) -> None:
        self._session = session
        self._engine = engine
        self._known = Text(session.tokenizer, session.model)
        self._model = model
        self._wake = wake
        self._created = int(time.time())
        self.is_stopping = False
        self._routes: dict[tuple[str, str], Callable[[Call, Reply], None]] = {
            ("POST", "/v1/completions"): lambda call, reply: self._generate(call, reply, is_chat=False),
            ("POST", "/v1/chat/completions"): lambda call, reply: self._generate(call, reply, is_chat=True),
            ("POST", "/tokenize"): self._tokenize,
            ("POST", "/v1/tokenize"): self._tokenize,
            ("GET", "/v1/models"): self._models,
            ("GET", "/health"): lambda call, reply: reply.json({"status": "ok"}),
            ("GET", "/server_info"): self._info,
        }

    def answer(self, call: Call, reply: Reply) -> None:
        """Answers now or when the engine is done; never raises."""
        try:
            if self.is_stopping:
                raise HttpError(503, "the server is shutting down")
            path = call.path.partition("?")[0]
            route = self._routes.get((call.method, path))
            if route is None:
                is_known = any(path == known for _, known in self._routes)
                raise HttpError(405 if is_known else 404, f"there is no {call.method} {path}")
            route(call, reply)
        except HttpError as error:
            reply.error(error)
        except Exception as error:
            reply.error(HttpError(500, f"{type(error).__name__}: {error}"))

    @property
    def _text(self) -> Text:
        """Of the session's present model."""
        model = self._session.model
        if self._known.model is not model:
            self._known = Text(self._session.tokenizer, model)
        return self._known

    def _models(self, call: Call, reply: Reply) -> None:
        model = {"id": self._model, "object": "model", "created": self._created, "owned_by": "assay", "max_model_len": self._text.context}
        reply.json({"object": "list", "data": [model]})

    def _info(self, call: Call, reply: Reply) -> None:
        """In the form of SGLang: nothing but the request decides how tokens are drawn."""
        reply.json(
            {
                "sampling_defaults": "openai",
                "preferred_sampling_params": None,
                "enable_custom_logit_processor": False,
                "served_model_name": self._model,
                "context_length": self._text.context,
                "weight_version": self._session.weight_version,
                **self._engine.counts,
            }
        )

    def _tokenize(self, call: Call, reply: Reply) -> None:
        fields = body_fields(call.body, TOKENIZE)
        self._check_model(fields)
        ids = self._text.prompt_ids(fields)
        reply.json({"count": len(ids), "max_model_len": self._text.context, "tokens": ids})

    def _check_model(self, fields: Fields) -> None:
        if fields.get("model", self._model) != self._model:
            raise HttpError(404, f"The model `{fields['model']}` does not exist; this server has `{self._model}`.", "model")

    def _generate(self, call: Call, reply: Reply, is_chat: bool) -> None:
        fields = body_fields(call.body, CHAT if is_chat else COMPLETION)
        self._check_model(fields)
        prompt = self._text.prompt_ids(fields)
        room = self._text.context - len(prompt)
        controls = controls_in(fields, max(1, room) if is_chat else COMPLETION_TOKENS, room)
        if room < 1:
            raise HttpError(
                400,
                f"This model's maximum context length is {self._text.context} tokens. However, your request has {len(prompt)} input tokens. "
                "Please reduce the length of the input messages.",
                "messages" if is_chat else "prompt",
            )
        form = AnswerForm(
            text=self._text,
            model=self._model,
            is_chat=is_chat,
            has_logprobs=wants_logprobs(fields),
            has_token_ids=flag(fields, "return_token_ids"),
            has_usage=wants_usage(fields),
        )
        is_stream = flag(fields, "stream")
        request = Request(
            prompt,
            controls,
            self._text.stop_tokens,
            on_end=lambda ended: send(ended, reply, form, is_stream),
            is_stopped=self._text.stopper(controls.stop),
        )

        def cancel() -> None:
            request.is_cancelled = True

        reply.on_lost = cancel
        if is_stream:
            reply.keep_alive()
        self._engine.submit(request)
        self._wake()
