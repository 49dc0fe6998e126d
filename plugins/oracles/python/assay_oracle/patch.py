"""How a completion becomes a patch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Union

Completion = Union[str, Sequence[Mapping[str, Any]], None]

_OPEN = re.compile(r"(`{3,})(?:diff|patch)\b")
_CLOSE = re.compile(r"(`{3,})\s*\Z")


def patch_of(completion: Completion) -> str | None:
    """The last ```diff block, or else the last <patch>...</patch>, of a text or of the last assistant message."""
    text = text_of(completion)
    patch = _last_fenced(text)
    if patch is None:
        patch = _last_tagged(text)
    if patch is None or patch == "" or patch.endswith("\n"):
        return patch
    return patch + "\n"


def text_of(completion: Completion) -> str:
    """The text of a completion; of a list of chat messages that of the last one by the assistant."""
    if completion is None:
        return ""
    if isinstance(completion, str):
        return completion
    for message in reversed(completion):
        if message.get("role", "assistant") == "assistant":
            return _content(message.get("content"))
    return ""


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def _last_fenced(text: str) -> str | None:
    """Line by line, so that the time stays linear whatever a model writes. Lines of a diff never start with a fence."""
    found: str | None = None
    fence = 0
    lines: list[str] = []
    for line in text.split("\n"):
        opening, closing = _OPEN.match(line), _CLOSE.match(line)
        if opening:
            fence, lines = len(opening.group(1)), []
        elif fence and closing and len(closing.group(1)) >= fence:
            fence, found = 0, "".join(f"{kept}\n" for kept in lines)
        elif fence:
            lines.append(line)
    return found


def _last_tagged(text: str) -> str | None:
    end = text.rfind("</patch>")
    start = text.rfind("<patch>", 0, end) if end >= 0 else -1
    if start < 0:
        return None
    inner = text[start + len("<patch>") : end]
    return inner[1:] if inner.startswith("\n") else inner
