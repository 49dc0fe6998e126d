"""Journals in files: one writer at a time, readers get what was parsed last."""

import os
from pathlib import Path

from .parser import parse_journal


class Locked(RuntimeError):
    """Another process is writing the file."""


def format_transaction(item):
    """Text that the parser reads back."""
    tags = "".join(f" #{tag}" for tag in item.tags)
    lines = [f"{item.day.isoformat()} {item.text}{tags}"]
    for posting in item.postings:
        lines.append(f"    {posting.account}  {posting.amount.amount} {posting.amount.currency}")
    return "\n".join(lines) + "\n"


class Store:
    """Loads and saves the journal at a path."""

    def __init__(self, path):
        self.path = Path(path)
        self._cached = None

    @property
    def lock_path(self):
        return self.path.with_name(self.path.name + ".lock")

    def load(self):
        """The journal; the file is parsed again only when it has changed."""
        if self._cached is None:
            self._cached = parse_journal(self.path.read_text(encoding="utf-8"))
        return self._cached

    def save(self, journal):
        """Replaces the file; raises Locked while another process does the same."""
        try:
            lock = os.open(self.lock_path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            raise Locked(f"{self.lock_path} exists") from None
        os.close(lock)
        text = "\n".join(format_transaction(item) for item in journal.transactions)
        temporary = self.path.with_name(self.path.name + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.path)
        self._cached = journal
        os.remove(self.lock_path)
