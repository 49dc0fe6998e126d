import unittest

from pennybook.template import TemplateError, render


class TemplateTest(unittest.TestCase):
    def test_fills_in_values(self):
        self.assertEqual(render("Dear {{ who.name }}!", {"who": {"name": "Ada"}}), "Dear Ada!")

    def test_applies_filters_in_order(self):
        self.assertEqual(render("{{ name | trim | upper }}", {"name": " ada "}), "ADA")

    def test_repeats(self):
        text = render("{% for n in items %}<{{ n }}>{% end %}", {"items": [1, 2]})
        self.assertEqual(text, "<1><2>")

    def test_decides(self):
        source = "{% if paid %}yes{% end %}{% if not paid %}no{% end %}"
        self.assertEqual(render(source, {"paid": True}), "yes")
        self.assertEqual(render(source, {"paid": []}), "no")

    def test_nests(self):
        source = "{% for row in rows %}{% if row.show %}{{ row.id }}{% end %}{% end %}"
        self.assertEqual(render(source, {"rows": [{"show": 1, "id": 1}, {"show": 0, "id": 2}]}), "1")

    def test_refuses_unknown_names_filters_and_tags(self):
        for source in ("{{ missing }}", "{{ a | shout }}", "{% while a %}{% end %}"):
            with self.assertRaises(TemplateError):
                render(source, {"a": 1})

    def test_refuses_open_blocks(self):
        for source in ("{% if a %}x", "x{% end %}"):
            with self.assertRaises(TemplateError):
                render(source, {"a": 1})


if __name__ == "__main__":
    unittest.main()
