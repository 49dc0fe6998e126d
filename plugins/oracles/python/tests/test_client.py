import asyncio
import socket
import time
import unittest

from assay_oracle import Client, Options, Score, Unscorable
from tests.fake_service import FakeService

DIFF = "diff --git a/a b/a\n"


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.service = FakeService().__enter__()
        self.addCleanup(self.service.__exit__)
        self.waits: list[float] = []
        self.client = self.make()

    def make(self, **options):
        settings = {"timeout": 60.0, "retries": 3, "backoff": 0.25, **options}
        clock = lambda: time.monotonic() + sum(self.waits)  # noqa: E731
        return Client(self.service.url, "secret", sleep=self.waits.append, clock=clock, **settings)

    def score(self, instance_id: str, patch=DIFF) -> Score:
        return self.client.score(instance_id, patch)

    def unscorable(self, instance_id: str) -> Score:
        with self.assertLogs("assay_oracle", "WARNING"):
            score = self.client.score(instance_id, DIFF)
        self.assertEqual(score.status, "unscorable")
        self.assertIsNone(score.reward)
        self.assertEqual(score.outcome, "unscorable")
        return score

    def test_a_right_patch_has_reward_1_and_a_wrong_one_0(self):
        right, wrong, none = (self.score(name) for name in ("resolved", "unresolved", "invalid"))
        self.assertEqual([right.reward, wrong.reward, none.reward], [1.0, 0.0, 0.0])
        self.assertEqual([right.outcome, wrong.outcome, none.outcome], ["resolved", "unresolved", "invalid"])
        self.assertEqual(right.require(), 1.0)
        self.assertEqual((right.timings["total"], right.key, right.cached), (1.5, "0" * 64, False))

    def test_a_completion_without_a_patch_is_sent_as_null(self):
        self.assertEqual(self.score("resolved", None).reward, 0.0)
        self.assertIsNone(self.service.bodies[0]["patch"])

    def test_sends_the_token_and_only_the_options_that_are_set(self):
        client = self.make(options=Options(reward="turn_penalty", strict=False))
        client.score("resolved", DIFF, turns=12, max_turns=40)
        sent = {"reward": "turn_penalty", "strict": False, "turns": 12, "max_turns": 40}
        self.assertEqual(self.service.bodies, [{"instance_id": "resolved", "patch": DIFF, **sent}])
        self.assertEqual(self.service.tokens, ["Bearer secret"])

    def test_waits_as_long_as_retry_after_says(self):
        self.assertEqual(self.score("busy,down,infra,resolved").reward, 1.0)
        self.assertEqual(self.waits, [7.0, 3.0, 2.0])

    def test_asks_again_after_a_lost_connection_and_a_spoilt_answer(self):
        for play in ("reset", "short", "garbage", "crash"):
            self.assertEqual(self.score(f"{play},resolved").reward, 1.0, play)

    def test_waits_longer_each_time_where_no_wait_is_named(self):
        self.score("reset,reset,reset,resolved")
        self.assertEqual(len(self.waits), 3)
        for i, wait in enumerate(self.waits):
            self.assertTrue(0.125 * 2**i <= wait <= 0.25 * 2**i, self.waits)

    def test_the_failure_of_the_service_stays_after_the_last_try(self):
        failure = self.unscorable("infra").failure
        self.assertEqual(
            (failure.blame, failure.code, failure.phase), ("infra", "engine_unreachable", "start")
        )
        self.assertEqual((failure.retryable, failure.attempts), (True, 3))
        self.assertEqual(self.service.asked["infra"], 4)

    def test_what_stays_broken_is_unscorable_and_says_how_often_it_was_tried(self):
        for play, code in {
            "reset": "unreachable",
            "short": "unreachable",
            "garbage": "bad_answer",
            "crash": "http_500",
        }.items():
            failure = self.unscorable(play).failure
            self.assertEqual((failure.blame, failure.code, failure.attempts), ("infra", code, 4), play)

    def test_a_busy_service_is_asked_for_as_long_as_there_is_time(self):
        for play, code, tries in (("busy", "rate_limited", 9), ("down", "draining", 20)):
            self.waits.clear()
            failure = self.unscorable(play).failure
            self.assertEqual((failure.blame, failure.code, failure.attempts), ("infra", code, tries), play)

    def test_a_scored_answer_without_a_finite_reward_is_never_0(self):
        for play in ("nan", "null"):
            self.assertEqual(self.unscorable(play).failure.code, "bad_answer")

    def test_a_failure_that_will_not_pass_is_not_asked_again(self):
        failure = self.unscorable("ours").failure
        self.assertEqual((failure.blame, failure.retryable), ("ours", False))
        self.assertEqual(self.service.asked["ours"], 1)

    def test_a_refused_request_is_the_inputs_fault_and_not_asked_again(self):
        for play, code in {"denied": "unauthorized", "unknown": "unknown_instance"}.items():
            failure = self.unscorable(play).failure
            self.assertEqual((failure.blame, failure.code, failure.attempts), ("input", code, 1))
            self.assertIn("ask again later", failure.message)
        self.assertEqual(self.waits, [])

    def test_nobody_listening_is_unscorable(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.client = Client(
                f"http://127.0.0.1:{free.getsockname()[1]}", retries=1, sleep=self.waits.append
            )
            failure = self.unscorable("resolved").failure
        self.assertEqual((failure.code, failure.attempts), ("unreachable", 2))
        self.assertIn("is `assay serve` running there?", failure.message)

    def test_gives_up_when_its_time_is_over(self):
        self.client = self.make(timeout=0.3)
        failure = self.unscorable("slow").failure
        self.assertEqual((failure.blame, failure.code), ("infra", "client_timeout"))

    def test_does_not_wait_beyond_its_time(self):
        self.client = self.make(timeout=5.0)
        self.assertEqual(self.unscorable("busy").failure.attempts, 1)
        self.assertEqual(self.waits, [])

    def test_require_raises_where_there_is_no_reward(self):
        with self.assertRaisesRegex(Unscorable, "no reward .ours, internal.: no container could be started"):
            self.unscorable("ours").require()

    def test_refuses_an_address_that_is_none(self):
        for url in ("127.0.0.1:8642", "", "ftp://host"):
            with self.assertRaisesRegex(ValueError, "no address of an assay service"):
                Client(url)

    def test_reads_its_settings_from_the_environment(self):
        env = {
            "ASSAY_URL": self.service.url,
            "ASSAY_TOKEN": "t",
            "ASSAY_TIMEOUT": "5",
            "ASSAY_REWARD": "signed",
        }
        client = Client.from_env(env)
        client.score("resolved", DIFF)
        self.assertEqual((client.timeout, self.service.tokens), (5.0, ["Bearer t"]))
        self.assertEqual(self.service.bodies[0]["reward"], "signed")

    def many(self, *names: str) -> list[Score]:
        return self.client.score_many([self.client.request(name, DIFF) for name in names])

    def test_a_batch_keeps_the_order_of_its_requests(self):
        scores = self.many("resolved", "unresolved", "invalid", "resolved")
        self.assertEqual([score.reward for score in scores], [1.0, 0.0, 0.0, 1.0])
        self.assertEqual(len(self.service.bodies), 1)
        self.assertEqual(self.many(), [])

    def test_a_batch_asks_again_only_for_what_is_open(self):
        for play in ("reset", "cut"):
            self.service.bodies.clear()
            scores = self.many("resolved", f"{play},resolved", "unresolved")
            self.assertEqual([score.reward for score in scores], [1.0, 1.0, 0.0])
            again = [request["instance_id"] for request in self.service.bodies[1]["requests"]]
            self.assertEqual(again, ["resolved", f"{play},resolved"])

    def test_a_batch_that_always_ends_too_early_says_so(self):
        self.assertEqual(self.many("cut")[0].failure.code, "cut_short")

    def test_a_batch_asks_again_for_passing_failures_of_single_requests(self):
        scores = self.many("infra,resolved", "ours", "unknown", "unresolved")
        self.assertEqual([score.reward for score in scores], [1.0, None, None, 0.0])
        self.assertEqual([score.failure.blame for score in scores[1:3]], ["ours", "input"])
        self.assertEqual(len(self.service.bodies[1]["requests"]), 1)

    def test_a_batch_waits_for_a_place_of_a_single_request(self):
        waits = "full," * 5 + "resolved"
        self.assertEqual([score.reward for score in self.many(waits, "resolved")], [1.0, 1.0])
        self.assertEqual(len(self.service.bodies[-1]["requests"]), 1)

    def test_a_large_batch_is_sent_in_parts_that_the_service_takes(self):
        patch = DIFF + "+" * 500_000
        requests = [self.client.request(name, patch) for name in ["resolved", "unresolved"] * 5]
        self.assertEqual([score.reward for score in self.client.score_many(requests)], [1.0, 0.0] * 5)
        self.assertEqual(sorted(len(body["requests"]) for body in self.service.bodies), [2, 4, 4])

    def test_a_batch_that_is_refused_waits_and_asks_again(self):
        self.assertEqual([score.reward for score in self.many("busy,resolved", "resolved")], [1.0, 1.0])
        self.assertEqual(self.waits, [7.0])

    def test_a_batch_that_stays_broken_keeps_what_it_got(self):
        scores = self.many("garbage", "unresolved")
        self.assertEqual([score.reward for score in scores], [None, 0.0])
        self.assertEqual((scores[0].failure.code, scores[0].failure.attempts), ("bad_answer", 4))

    def test_many_wait_side_by_side_without_blocking_the_loop(self):
        async def all_of_them():
            return await asyncio.gather(*(self.client.ascore("slow", DIFF) for _ in range(64)))

        self.client = self.make(timeout=20.0)
        self.assertEqual(
            [score.reward for score in asyncio.run(asyncio.wait_for(all_of_them(), 15))], [1.0] * 64
        )


if __name__ == "__main__":
    unittest.main()
