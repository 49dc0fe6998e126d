"""Text templates: `{{ name.part | filter }}`, `{% for item in items %}...{% end %}`, `{% if name %}...{% end %}`."""

import re

from .filters import apply_filter

TOKEN = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})")
FOR = re.compile(r"^for\s+(\w+)\s+in\s+([\w.]+)$")
IF = re.compile(r"^if\s+(not\s+)?([\w.]+)$")


class TemplateError(ValueError):
    """A template that can't be rendered."""


def _lookup(path, scope):
    value = scope
    for part in path.split("."):
        try:
            value = value[part] if isinstance(value, dict) else getattr(value, part)
        except (KeyError, AttributeError):
            raise TemplateError(f"{path!r} is not defined") from None
    return value


def _expression(source, scope):
    path, *filters = [part.strip() for part in source.split("|")]
    value = _lookup(path, scope)
    for name in filters:
        try:
            value = apply_filter(name, value)
        except LookupError as error:
            raise TemplateError(str(error)) from error
    return str(value)


def _parse(tokens, nested):
    nodes = []
    while tokens:
        token = tokens.pop(0)
        if token.startswith("{{"):
            nodes.append(("value", token[2:-2].strip()))
        elif token.startswith("{%"):
            tag = token[2:-2].strip()
            if tag == "end":
                if not nested:
                    raise TemplateError("end without a block")
                return nodes
            if FOR.match(tag):
                nodes.append(("for", FOR.match(tag).groups(), _parse(tokens, True)))
            elif IF.match(tag):
                nodes.append(("if", IF.match(tag).groups(), _parse(tokens, True)))
            else:
                raise TemplateError(f"unknown tag {tag!r}")
        elif token:
            nodes.append(("text", token))
    if nested:
        raise TemplateError("a block is never ended")
    return nodes


def _render(nodes, scope):
    parts = []
    for kind, *rest in nodes:
        if kind == "text":
            parts.append(rest[0])
        elif kind == "value":
            parts.append(_expression(rest[0], scope))
        elif kind == "for":
            (name, path), body = rest
            for item in _lookup(path, scope):
                scope[name] = item
                parts.append(_render(body, scope))
        else:
            (negated, path), body = rest
            if bool(_lookup(path, scope)) != bool(negated):
                parts.append(_render(body, scope))
    return "".join(parts)


def render(source, values):
    """The text of a template with the given values."""
    return _render(_parse(TOKEN.split(source), False), values)
