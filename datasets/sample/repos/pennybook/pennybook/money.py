"""Amounts of money: whole minor units (cents) of a currency, so that sums are exact."""

from decimal import ROUND_HALF_EVEN, Decimal
from functools import total_ordering

DIGITS = {"JPY": 0, "KRW": 0, "BHD": 3, "KWD": 3}


def digits_of(currency):
    """Number of decimal places of a currency."""
    return DIGITS.get(currency, 2)


@total_ordering
class Money:
    """An immutable amount. `minor` is the number of minor units, e.g. cents."""

    __slots__ = ("minor", "currency")

    def __init__(self, minor, currency="EUR"):
        if not isinstance(minor, int):
            raise TypeError(f"minor units must be an int, got {minor!r}")
        object.__setattr__(self, "minor", minor)
        object.__setattr__(self, "currency", currency)

    def __setattr__(self, name, value):
        raise AttributeError("Money is immutable")

    @classmethod
    def of(cls, amount, currency="EUR"):
        """From a str, int, float or Decimal in major units, rounded half to even."""
        scale = 10 ** digits_of(currency)
        if isinstance(amount, float):
            return cls(int(amount * scale), currency)
        scaled = Decimal(amount) * scale
        return cls(int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN)), currency)

    @property
    def amount(self):
        return Decimal(self.minor).scaleb(-digits_of(self.currency))

    def _same(self, other):
        if not isinstance(other, Money):
            raise TypeError(f"expected Money, got {type(other).__name__}")
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} don't mix")
        return other.minor

    def __add__(self, other):
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other):
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self):
        return Money(-self.minor, self.currency)

    def __eq__(self, other):
        if not isinstance(other, Money):
            return NotImplemented
        return (self.minor, self.currency) == (other.minor, other.currency)

    def __lt__(self, other):
        return self.minor < self._same(other)

    def __hash__(self):
        return hash((self.minor, self.currency))

    def __bool__(self):
        return self.minor != 0

    def __str__(self):
        return f"{self.amount:,.{digits_of(self.currency)}f} {self.currency}"

    def __repr__(self):
        return f"Money({self.minor}, {self.currency!r})"

    def split(self, weights):
        """Shares in proportion to `weights` (positive numbers)."""
        if not weights or any(weight < 0 for weight in weights) or sum(weights) == 0:
            raise ValueError(f"weights must be positive, got {weights!r}")
        total = sum(weights)
        return [Money(self.minor * weight // total, self.currency) for weight in weights]
