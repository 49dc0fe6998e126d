import unittest
from datetime import date

from pennybook.money import Money
from pennybook.parser import parse_journal

TEXT = """\
; household
2026-03-01 Groceries #food #home
    Expenses:Food          42.50 EUR
    Assets:Bank

2026-03-04 Rent ; paid late
    Expenses:Rent      1,200.00 EUR
    Assets:Bank       -1,200.00 EUR
"""


class ParserTest(unittest.TestCase):
    def test_reads_transactions(self):
        journal = parse_journal(TEXT)
        self.assertEqual([item.text for item in journal.transactions], ["Groceries", "Rent"])
        self.assertEqual(journal.transactions[0].day, date(2026, 3, 1))

    def test_reads_tags(self):
        self.assertEqual(parse_journal(TEXT).transactions[0].tags, ["food", "home"])

    def test_reads_amounts_with_separators(self):
        self.assertEqual(parse_journal(TEXT).balances("Expenses:Rent"), {"EUR": Money(120000)})

    def test_balances_the_open_posting(self):
        self.assertEqual(parse_journal(TEXT).balances("Assets:Bank"), {"EUR": Money(-124250)})

    def test_reads_nothing_from_nothing(self):
        self.assertEqual(parse_journal("\n; empty\n").transactions, [])


if __name__ == "__main__":
    unittest.main()
