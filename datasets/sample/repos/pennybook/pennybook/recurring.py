"""Standing orders: the days on which something repeats."""

import calendar
from datetime import date, timedelta


def add_months(day, months):
    """The same day of the month, `months` later; the last day of a shorter month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def occurrences(first, every, until):
    """Days from `first` to `until` (included) at a step of "day", "week", "month" or "year"."""
    steps = {
        "day": lambda day: day + timedelta(days=1),
        "week": lambda day: day + timedelta(weeks=1),
        "month": lambda day: add_months(day, 1),
        "year": lambda day: add_months(day, 12),
    }
    if every not in steps:
        raise ValueError(f"unknown step {every!r}; use {', '.join(steps)}")
    day = first
    while day <= until:
        yield day
        day = steps[every](day)


def next_workday(day, holidays=frozenset()):
    """The day itself or the first day after it that is neither a weekend nor a holiday."""
    while day.weekday() >= 5 or day in holidays:
        day += timedelta(days=1)
    return day
