"""Transactions and the accounts that they move money between."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Optional

from .money import Money


@dataclass(frozen=True)
class Posting:
    """A change of one account. `amount` None means: whatever balances the transaction."""

    account: str
    amount: Optional[Money]


class Transaction:
    """Postings that belong together; per currency they sum to zero."""

    def __init__(self, day, text, postings=(), tags=[]):
        self.day = day
        self.text = text
        self.tags = tags
        self.postings = _balanced(list(postings), f"{day} {text}")

    def add_tag(self, tag):
        if tag not in self.tags:
            self.tags.append(tag)

    def touches(self, account):
        return any(is_within(posting.account, account) for posting in self.postings)

    def __repr__(self):
        return f"Transaction({self.day.isoformat()}, {self.text!r})"


def _balanced(postings, where):
    sums = defaultdict(int)
    open_at = None
    for i, posting in enumerate(postings):
        if posting.amount is None:
            if open_at is not None:
                raise ValueError(f"{where}: more than one posting without an amount")
            open_at = i
        else:
            sums[posting.amount.currency] += posting.amount.minor
    rest = {currency: minor for currency, minor in sums.items() if minor != 0}
    if open_at is None:
        if rest:
            currency, minor = next(iter(rest.items()))
            raise ValueError(f"{where}: off by {Money(minor, currency)}")
        return postings
    account = postings[open_at].account
    filled = [Posting(account, Money(-minor, currency)) for currency, minor in rest.items()]
    return postings[:open_at] + filled + postings[open_at + 1 :]


def is_within(account, parent):
    """Whether `account` is `parent` or one of its sub-accounts (`Assets:Bank` in `Assets`)."""
    return account == parent or account.startswith(parent + ":")


@dataclass
class Journal:
    transactions: list = field(default_factory=list)

    def add(self, transaction):
        self.transactions.append(transaction)
        self.transactions.sort(key=lambda item: item.day)

    def between(self, first: date, last: date):
        """Transactions from the first day to the last one, both included."""
        return [item for item in self.transactions if first <= item.day <= last]

    def accounts(self):
        return sorted({posting.account for item in self.transactions for posting in item.postings})

    def balances(self, account, until=None):
        """Money in an account and its sub-accounts by currency, up to and including a day."""
        sums = defaultdict(int)
        for item in self.transactions:
            if until is not None and item.day > until:
                break
            for posting in item.postings:
                if is_within(posting.account, account):
                    sums[posting.amount.currency] += posting.amount.minor
        return {currency: Money(minor, currency) for currency, minor in sorted(sums.items())}
