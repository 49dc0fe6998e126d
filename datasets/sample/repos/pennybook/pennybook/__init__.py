"""Double-entry bookkeeping in plain text."""

from .journal import Journal, Posting, Transaction
from .money import Money
from .parser import ParseError, parse_journal

__all__ = ["Journal", "Money", "ParseError", "Posting", "Transaction", "parse_journal"]
__version__ = "0.6.1"
