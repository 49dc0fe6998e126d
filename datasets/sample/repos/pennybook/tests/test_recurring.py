import unittest
from datetime import date

from pennybook.recurring import add_months, next_workday, occurrences


class AddMonthsTest(unittest.TestCase):
    def test_crosses_years(self):
        self.assertEqual(add_months(date(2026, 11, 15), 3), date(2027, 2, 15))
        self.assertEqual(add_months(date(2026, 1, 15), -1), date(2025, 12, 15))

    def test_uses_the_last_day_of_a_shorter_month(self):
        self.assertEqual(add_months(date(2026, 1, 31), 1), date(2026, 2, 28))
        self.assertEqual(add_months(date(2028, 1, 31), 1), date(2028, 2, 29))


class OccurrencesTest(unittest.TestCase):
    def test_repeats_by_week_and_includes_the_last_day(self):
        days = list(occurrences(date(2026, 3, 2), "week", date(2026, 3, 16)))
        self.assertEqual(days, [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)])

    def test_repeats_by_month(self):
        days = list(occurrences(date(2026, 11, 5), "month", date(2027, 1, 31)))
        self.assertEqual(days, [date(2026, 11, 5), date(2026, 12, 5), date(2027, 1, 5)])

    def test_refuses_an_unknown_step(self):
        with self.assertRaisesRegex(ValueError, "unknown step 'decade'"):
            list(occurrences(date(2026, 1, 1), "decade", date(2026, 1, 2)))


class NextWorkdayTest(unittest.TestCase):
    def test_skips_weekends_and_holidays(self):
        self.assertEqual(next_workday(date(2026, 5, 1), {date(2026, 5, 1)}), date(2026, 5, 4))
        self.assertEqual(next_workday(date(2026, 5, 5)), date(2026, 5, 5))


if __name__ == "__main__":
    unittest.main()
