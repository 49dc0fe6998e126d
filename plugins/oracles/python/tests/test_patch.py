import time
import unittest

from assay_oracle import patch_of

DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n"


class PatchOfTest(unittest.TestCase):
    def test_takes_the_last_fenced_diff(self):
        text = f"First:\n```diff\nold\n```\nNo, better:\n```diff\n{DIFF}```\nDone.<|im_end|>"
        self.assertEqual(patch_of(text), DIFF)

    def test_keeps_every_byte_of_the_diff(self):
        odd = "diff --git a/a b/a\n-x\u2028y\x0b\r\n+\tz  \n \n"
        self.assertEqual(patch_of(f"```diff\n{odd}```"), odd)

    def test_keeps_fences_that_the_diff_itself_changes(self):
        markdown = "diff --git a/README.md b/README.md\n@@ -1,2 +1,3 @@\n ```\n+```diff\n-```\n"
        self.assertEqual(patch_of(f"````diff\n{markdown}````\n"), markdown)

    def test_a_longer_fence_ends_at_one_as_long(self):
        self.assertEqual(patch_of("````diff\na\n```\nb\n````"), "a\n```\nb\n")

    def test_takes_tags_where_there_is_no_fence(self):
        self.assertEqual(patch_of(f"I think <patch>old</patch>, or <patch>\n{DIFF}</patch> rather"), DIFF)

    def test_ends_a_patch_with_a_line_end(self):
        self.assertEqual(patch_of(f"<patch>{DIFF.rstrip()}</patch>"), DIFF)

    def test_ignores_blocks_of_other_languages(self):
        self.assertEqual(patch_of(f"```python\nprint(1)\n```\n```diff\n{DIFF}```\n```sh\nmake\n```"), DIFF)

    def test_a_block_that_never_ends_is_no_patch(self):
        self.assertIsNone(patch_of(f"```diff\n{DIFF}"))
        self.assertIsNone(patch_of(f"<patch>{DIFF}"))

    def test_a_completion_without_a_patch_has_none(self):
        for nothing in ("", "I give up", None, [], [{"role": "user", "content": f"```diff\n{DIFF}```"}]):
            self.assertIsNone(patch_of(nothing), nothing)

    def test_an_empty_block_is_an_empty_patch(self):
        self.assertEqual(patch_of("```diff\n```"), "")

    def test_reads_the_last_message_of_the_assistant(self):
        chat = [
            {"role": "assistant", "content": "```diff\nold\n```"},
            {"role": "user", "content": "```diff\nmine\n```"},
            {"role": "assistant", "content": [{"type": "text", "text": f"```diff\n{DIFF}```"}]},
            {"role": "tool", "content": "ok"},
        ]
        self.assertEqual(patch_of(chat), DIFF)

    def test_needs_linear_time_for_many_openings(self):
        started = time.monotonic()
        self.assertIsNone(patch_of("```diff\n" * 100_000))
        self.assertIsNone(patch_of("<patch>" * 100_000))
        self.assertLess(time.monotonic() - started, 5)


if __name__ == "__main__":
    unittest.main()
