import tempfile
import unittest
from pathlib import Path

from pennybook.money import Money
from pennybook.store import Locked, Store

TEXT = "2026-03-01 Groceries #food\n    Expenses:Food  42.50 EUR\n    Assets:Bank  -42.50 EUR\n"


class StoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "book.txt"
        self.path.write_text(TEXT, encoding="utf-8")
        self.store = Store(self.path)

    def test_loads(self):
        self.assertEqual(self.store.load().balances("Assets"), {"EUR": Money(-4250)})

    def test_parses_an_unchanged_file_once(self):
        self.assertIs(self.store.load(), self.store.load())

    def test_saves_what_it_loads(self):
        self.store.save(self.store.load())
        self.assertEqual(self.path.read_text(encoding="utf-8"), TEXT)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["book.txt"])

    def test_refuses_to_save_while_locked(self):
        self.store.lock_path.touch()
        with self.assertRaises(Locked):
            self.store.save(self.store.load())


if __name__ == "__main__":
    unittest.main()
