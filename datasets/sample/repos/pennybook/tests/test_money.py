import unittest
from decimal import Decimal

from pennybook.money import Money


class MoneyTest(unittest.TestCase):
    def test_reads_texts_and_numbers(self):
        self.assertEqual(Money.of("12.34"), Money(1234))
        self.assertEqual(Money.of(12), Money(1200))
        self.assertEqual(Money.of(Decimal("0.005")), Money(0))
        self.assertEqual(Money.of(2.5), Money(250))

    def test_knows_currencies_without_cents(self):
        self.assertEqual(Money.of("1200", "JPY"), Money(1200, "JPY"))
        self.assertEqual(str(Money(1500, "JPY")), "1,500 JPY")

    def test_adds_and_compares(self):
        self.assertEqual(Money(100) + Money(50) - Money(25), Money(125))
        self.assertLess(Money(-1), Money(0))
        self.assertFalse(Money(0))

    def test_refuses_to_mix_currencies(self):
        with self.assertRaisesRegex(ValueError, "EUR and USD don't mix"):
            Money(1) + Money(1, "USD")

    def test_is_immutable_and_hashable(self):
        with self.assertRaises(AttributeError):
            Money(1).minor = 2
        self.assertEqual(len({Money(1), Money(1), Money(1, "USD")}), 2)

    def test_shows_amounts(self):
        self.assertEqual(str(Money(-123456)), "-1,234.56 EUR")

    def test_splits_evenly(self):
        self.assertEqual(Money(900).split([1, 2]), [Money(300), Money(600)])

    def test_refuses_bad_weights(self):
        for weights in ([], [0, 0], [1, -1]):
            with self.assertRaises(ValueError):
                Money(100).split(weights)


if __name__ == "__main__":
    unittest.main()
