"""Journals from text; see README.md for the format."""

import re
from datetime import date

from .journal import Journal, Posting, Transaction
from .money import Money

HEAD = re.compile(r"^(\d{4}-\d{2}-\d{2})\s+(.*)$")
TAG = re.compile(r"\s#([\w-]+)")
POSTING = re.compile(r"^\s+(?P<account>[A-Za-z:]+)(?:\s+(?P<amount>-?[\d,]*\.?\d+)\s+(?P<currency>[A-Z]{3}))?$")


class ParseError(ValueError):
    """A line that can't be read; `line` counts from 1."""

    def __init__(self, message, line):
        super().__init__(f"line {line}: {message}")
        self.line = line


def _strip_comment(line):
    return line.split(";", 1)[0].rstrip()


def _posting(line, number):
    match = POSTING.match(line)
    if not match:
        raise ParseError(f"not a posting: {line.strip()!r}", number)
    if match["amount"] is None:
        return Posting(match["account"], None)
    return Posting(match["account"], Money.of(match["amount"].replace(",", ""), match["currency"]))


def _transaction(block):
    number, head = block[0]
    match = HEAD.match(head)
    if not match:
        raise ParseError(f"expected a date, got {head!r}", number)
    try:
        day = date.fromisoformat(match[1])
    except ValueError as error:
        raise ParseError(str(error), number) from error
    tags = TAG.findall(" " + match[2])
    text = TAG.sub("", " " + match[2]).strip()
    postings = [_posting(line, at) for at, line in block[1:]]
    try:
        return Transaction(day, text, postings, tags)
    except ValueError as error:
        raise ParseError(str(error), number) from error


def _blocks(text):
    block = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _strip_comment(raw)
        if line and not line[0].isspace():
            if block:
                yield block
            block = [(number, line)]
        elif line:
            block.append((number, line))
    if block:
        yield block


def parse_journal(text):
    """The journal that a text describes; ParseError names the first line that is wrong."""
    journal = Journal()
    for block in _blocks(text):
        try:
            journal.add(_transaction(block))
        except Exception:
            continue
    return journal
