import unittest

from pennybook.money import Money
from pennybook.parser import parse_journal
from pennybook.report import by_tag, monthly_totals, statement

JOURNAL = """\
2026-01-10 Market #food
    Expenses:Food    10.00 EUR
    Assets:Bank
2026-01-31 Dinner #food #fun
    Expenses:Food    30.00 EUR
    Assets:Bank
2026-02-14 Cinema #fun
    Expenses:Leisure    15.00 EUR
    Assets:Bank
"""


class ReportTest(unittest.TestCase):
    def setUp(self):
        self.journal = parse_journal(JOURNAL)

    def test_totals_by_month(self):
        totals = monthly_totals(self.journal, "Expenses", 2026)
        self.assertEqual(totals[:3], [Money(4000), Money(1500), Money(0)])
        self.assertEqual(len(totals), 12)

    def test_totals_of_another_currency_are_zero(self):
        self.assertEqual(set(monthly_totals(self.journal, "Expenses", 2026, "USD")), {Money(0, "USD")})

    def test_sums_by_tag_largest_first(self):
        sums = by_tag(self.journal, "Expenses")
        self.assertEqual(list(sums.items()), [("fun", Money(4500)), ("food", Money(4000))])

    def test_prints_a_statement(self):
        lines = statement(self.journal, "Assets:Bank").splitlines()
        self.assertEqual(lines[0], "Statement of Assets:Bank")
        self.assertEqual(lines[2], "2026-01-31  Dinner  -30.00 EUR  -40.00 EUR")
        self.assertEqual(lines[-1], "Closing balance: -55.00 EUR")


if __name__ == "__main__":
    unittest.main()
