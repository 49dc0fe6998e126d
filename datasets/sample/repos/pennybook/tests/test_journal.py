import unittest
from datetime import date

from pennybook.journal import Journal, Posting, Transaction, is_within
from pennybook.money import Money


def transfer(day, minor, source="Assets:Bank", target="Expenses:Food"):
    return Transaction(day, "transfer", [Posting(target, Money(minor)), Posting(source, None)])


class TransactionTest(unittest.TestCase):
    def test_fills_in_the_open_posting(self):
        item = transfer(date(2026, 1, 2), 500)
        self.assertEqual(item.postings[1], Posting("Assets:Bank", Money(-500)))

    def test_refuses_what_does_not_balance(self):
        with self.assertRaisesRegex(ValueError, "off by 1.00 EUR"):
            Transaction(date(2026, 1, 2), "x", [Posting("A", Money(100))])

    def test_refuses_two_open_postings(self):
        with self.assertRaises(ValueError):
            Transaction(date(2026, 1, 2), "x", [Posting("A", None), Posting("B", None)])

    def test_adds_a_tag_once(self):
        item = Transaction(date(2026, 1, 2), "x", tags=["food"])
        item.add_tag("food")
        item.add_tag("home")
        self.assertEqual(item.tags, ["food", "home"])

    def test_knows_its_accounts(self):
        item = transfer(date(2026, 1, 2), 500)
        self.assertTrue(item.touches("Assets"))
        self.assertFalse(item.touches("Asset"))


class JournalTest(unittest.TestCase):
    def setUp(self):
        self.journal = Journal()
        self.journal.add(transfer(date(2026, 2, 1), 300))
        self.journal.add(transfer(date(2026, 1, 5), 500))

    def test_keeps_order_by_day(self):
        self.assertEqual([item.day.month for item in self.journal.transactions], [1, 2])

    def test_selects_days(self):
        found = self.journal.between(date(2026, 1, 5), date(2026, 1, 31))
        self.assertEqual([item.day for item in found], [date(2026, 1, 5)])

    def test_sums_sub_accounts(self):
        self.assertEqual(self.journal.balances("Assets"), {"EUR": Money(-800)})
        self.assertEqual(self.journal.balances("Expenses:Food", until=date(2026, 1, 31)), {"EUR": Money(500)})

    def test_lists_accounts(self):
        self.assertEqual(self.journal.accounts(), ["Assets:Bank", "Expenses:Food"])
        self.assertFalse(is_within("Assets2", "Assets"))


if __name__ == "__main__":
    unittest.main()
