"""Figures of a journal for people."""

from collections import defaultdict
from datetime import date

from .journal import is_within
from .money import Money
from .recurring import add_months
from .template import render

STATEMENT = """\
{{ title }}
{% for row in rows %}{{ row.day }}  {{ row.text }}  {{ row.change }}  {{ row.balance }}
{% end %}Closing balance: {{ closing }}
"""


def month_range(year, month):
    """First and last day of a month."""
    first = date(year, month, 1)
    return first, add_months(first, 1)


def monthly_totals(journal, account, year, currency="EUR"):
    """Twelve amounts: what moved through an account in each month of a year."""
    totals = []
    for month in range(1, 13):
        first, last = month_range(year, month)
        total = Money(0, currency)
        for item in journal.between(first, last):
            for posting in item.postings:
                if is_within(posting.account, account) and posting.amount.currency == currency:
                    total += posting.amount
        totals.append(total)
    return totals


def by_tag(journal, account, currency="EUR"):
    """Tag -> amount that moved through an account, largest first."""
    sums = defaultdict(lambda: Money(0, currency))
    for item in journal.transactions:
        for posting in item.postings:
            if is_within(posting.account, account) and posting.amount.currency == currency:
                for tag in item.tags:
                    sums[tag] += posting.amount
    return dict(sorted(sums.items(), key=lambda pair: (-pair[1].minor, pair[0])))


def statement(journal, account, currency="EUR"):
    """Text with each change of an account and the balance after it."""
    rows = []
    balance = Money(0, currency)
    for item in journal.transactions:
        for posting in item.postings:
            if is_within(posting.account, account) and posting.amount.currency == currency:
                balance += posting.amount
                rows.append({"day": item.day, "text": item.text, "change": posting.amount, "balance": balance})
    return render(STATEMENT, {"title": f"Statement of {account}", "rows": rows, "closing": balance})
