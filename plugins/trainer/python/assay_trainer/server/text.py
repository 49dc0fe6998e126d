"""Between text and ids: the tokenizer, its chat template, and where a turn ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fields import Fields, flag, object_in
from .http import HttpError


class Text:
    """The tokenizer of a model."""

    def __init__(self, tokenizer: Any, model: Any) -> None:
        self.model = model
        self._tokenizer = tokenizer
        self._vocabulary: int = model.get_output_embeddings().weight.shape[0]
        self.context: int = model.config.get_text_config().max_position_embeddings
        """Most tokens of prompt and answer."""
        self.stop_tokens = frozenset(_ends(tokenizer, model))

    def prompt_ids(self, fields: Fields) -> list[int]:
        """The ids of `prompt` or `messages`. Raises a 400 that names the field."""
        if ("prompt" in fields) == ("messages" in fields):
            raise HttpError(400, "the request needs either prompt or messages", "prompt")
        if "messages" in fields:
            return self._chat_ids(fields)
        prompt = fields["prompt"]
        if isinstance(prompt, str):
            ids = self._tokenizer.encode(prompt, add_special_tokens=flag(fields, "add_special_tokens", True))
        elif isinstance(prompt, list) and all(type(token) is int for token in prompt):
            ids = prompt
        else:
            raise HttpError(400, "prompt must be a text or a list of token ids", "prompt")
        if not ids:
            raise HttpError(400, "prompt is empty", "prompt")
        if min(ids) < 0 or max(ids) >= self._vocabulary:
            wrong = min(ids) if min(ids) < 0 else max(ids)
            raise HttpError(400, f"prompt has id {wrong}, the model has 0 to {self._vocabulary - 1}", "prompt")
        return ids

    def _chat_ids(self, fields: Fields) -> list[int]:
        messages = fields["messages"]
        if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
            raise HttpError(400, "messages must be a list of objects, at least one", "messages")
        if any(not isinstance(message.get("role"), str) for message in messages):
            raise HttpError(400, "each of messages needs a role", "messages")
        if any(not isinstance(message.get("content"), str) for message in messages):
            raise HttpError(400, "each of messages needs a content that is a text", "messages")
        arguments = object_in(fields, "chat_template_kwargs")
        add = flag(fields, "add_generation_prompt", True)
        try:
            text = self._tokenizer.apply_chat_template(
                messages, **{**arguments, "tokenize": False, "add_generation_prompt": add}
            )
        except Exception as error:  # Templates raise whatever they like.
            raise HttpError(400, f"the chat template refuses the messages: {error}", "messages") from error
        ids = self._tokenizer.encode(text, add_special_tokens=False)
        if not ids:
            raise HttpError(400, "messages make no token", "messages")
        return ids

    def text_of(self, ids: list[int]) -> str:
        """The text of an answer, without special tokens and the end of turn."""
        if ids and ids[-1] in self.stop_tokens:
            ids = ids[:-1]
        return self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def pieces(self, ids: list[int]) -> list[str]:
        """Each id as the tokenizer writes it."""
        return [piece or "" for piece in self._tokenizer.convert_ids_to_tokens(ids)]

    def stopper(self, stop: tuple[str, ...]) -> Callable[[list[int]], bool] | None:
        """Says whether sampled ids hold one of the texts."""
        if not stop:
            return None
        # Such a text ends with the last token: of those before it no more matter than it has bytes.
        reach = max(len(text.encode()) for text in stop) + 8
        return lambda ids: any(text in self.text_of(ids[-reach:]) for text in stop)

    def cut(self, text: str, stop: tuple[str, ...]) -> str:
        """What comes before the first of the texts."""
        places = [place for place in map(text.find, stop) if place >= 0]
        return text[: min(places)] if places else text


def _ends(tokenizer: Any, model: Any) -> set[int]:
    """Ids at which the model's turn is over: those of its configuration, and the special token that its template puts there."""
    found: set[int] = set()
    for source in (model.generation_config, model.config.get_text_config(), tokenizer):
        ids = getattr(source, "eos_token_id", None)
        found.update(ids if isinstance(ids, (list, tuple)) else [] if ids is None else [ids])
    if getattr(tokenizer, "chat_template", None):
        end = _end_of_turn(tokenizer)
        if end is not None:
            found.add(end)
    return found


def _end_of_turn(tokenizer: Any) -> int | None:
    """Two conversations that differ in what the assistant says have what follows in common."""
    try:
        one, other = (
            tokenizer.encode(
                tokenizer.apply_chat_template(
                    [{"role": "user", "content": "a"}, {"role": "assistant", "content": content}], tokenize=False
                ),
                add_special_tokens=False,
            )
            for content in ("a", "b")
        )
    except Exception:  # Such a template has no turn that could be looked at; the configuration's ids remain.
        return None
    length = 0
    while length < min(len(one), len(other)) and one[-1 - length] == other[-1 - length]:
        length += 1
    if length in (0, len(one)):
        return None
    end = one[len(one) - length]
    return end if end in tokenizer.all_special_ids or end in tokenizer.added_tokens_decoder else None
