import asyncio
import math
import unittest
from types import SimpleNamespace
from typing import Any

from assay_oracle import Client, Unscorable, openrlhf, slime, trl, verl
from tests.fake_service import FakeService

DIFF = "```diff\ndiff --git a/a b/a\n```\n"


class AdapterTest(unittest.TestCase):
    def setUp(self):
        service = FakeService().__enter__()
        self.addCleanup(service.__exit__)
        self.service = service
        self.client = Client(service.url, retries=0)


class TrlTest(AdapterTest):
    def test_none_stands_for_no_reward(self):
        with self.assertLogs("assay_oracle"):
            rewards = asyncio.run(
                trl.rewards_of(
                    self.client,
                    [DIFF, DIFF, "no patch", DIFF],
                    ["resolved", "infra", "resolved", "unresolved"],
                )
            )
        self.assertEqual(rewards, [1.0, None, 0.0, 0.0])

    def test_reads_conversations(self):
        chat = [[{"role": "assistant", "content": DIFF}]]
        self.assertEqual(asyncio.run(trl.rewards_of(self.client, chat, ["resolved"])), [1.0])


class VerlTest(AdapterTest):
    def score(self, ground_truth: Any, extra_info: Any = None):
        return asyncio.run(verl.score_of(self.client, DIFF, ground_truth, extra_info))

    def test_the_instance_is_in_extra_info_or_is_the_ground_truth(self):
        self.assertEqual(self.score("unresolved", {"instance_id": "resolved"}).reward, 1.0)
        self.assertEqual(self.score("unresolved", {"split": "train"}).reward, 0.0)
        with self.assertRaisesRegex(ValueError, "extra_info.instance_id"):
            self.score(None)

    def test_every_row_has_the_same_keys(self):
        with self.assertLogs("assay_oracle"):
            rows = [verl.row_of(self.score(name)) for name in ("resolved", "unresolved", "infra")]
        self.assertEqual(
            rows[:2],
            [{"score": 1.0, "acc": 1.0, "unscorable": 0.0}, {"score": 0.0, "acc": 0.0, "unscorable": 0.0}],
        )
        self.assertEqual(list(rows[2]), list(rows[0]))
        self.assertTrue(math.isnan(rows[2]["score"]) and math.isnan(rows[2]["acc"]))

    def output(self):
        return SimpleNamespace(response_mask=[1, 0, 1], reward_score=None, extra_fields={"turn_scores": []})

    def test_an_agent_loop_gets_its_reward(self):
        output = verl.put_score(self.output(), self.score("resolved"))
        self.assertEqual((output.reward_score, output.response_mask), (1.0, [1, 0, 1]))
        self.assertEqual(output.extra_fields["reward_extra_info"]["acc"], 1.0)
        self.assertEqual(output.extra_fields["turn_scores"], [])

    def test_an_agent_loop_without_a_reward_trains_no_token(self):
        with self.assertLogs("assay_oracle"):
            output = verl.put_score(self.output(), self.score("infra"))
        self.assertEqual(output.response_mask, [0, 0, 0])
        self.assertIsNotNone(output.reward_score)
        self.assertEqual(output.extra_fields["reward_extra_info"]["unscorable"], 1.0)


class SlimeTest(AdapterTest):
    args = SimpleNamespace(
        advantage_estimator="grpo",
        rewards_normalization=True,
        grpo_std_normalization=True,
        custom_reward_post_process_path=slime.POST_PROCESS,
    )

    def sample(self, label: Any, group: int = 0, **metadata: Any) -> Any:
        sample = SimpleNamespace(
            label=label, metadata=metadata, response=DIFF, group_index=group, remove_sample=False
        )
        sample.reward = None
        sample.get_reward_value = lambda _args: sample.reward
        return sample

    def reward(self, sample: Any, args: Any = None) -> float:
        sample.reward = asyncio.run(slime.reward_of(self.client, args or self.args, sample))
        return sample.reward

    def test_the_instance_is_in_the_metadata_or_is_the_label(self):
        self.assertEqual(self.reward(self.sample("resolved")), 1.0)
        self.assertEqual(self.reward(self.sample("x", instance_id="unresolved")), 0.0)
        with self.assertRaisesRegex(ValueError, "metadata.instance_id"):
            self.reward(self.sample(None))

    def test_a_sample_without_a_reward_is_removed_and_out_of_its_groups_mean(self):
        samples = [
            self.sample(name, group)
            for group, name in enumerate_groups("resolved unresolved infra", "unresolved infra infra")
        ]
        with self.assertLogs("assay_oracle"):
            raw = [self.reward(sample) for sample in samples]
        self.assertEqual(
            [sample.remove_sample for sample in samples], [False, False, True, False, True, True]
        )
        given, rewards = slime.post_process(self.args, samples)
        self.assertEqual(given, raw)
        self.assertEqual([round(reward, 3) for reward in rewards], [0.707, -0.707, 0.0, 0.0, 0.0, 0.0])

    def test_without_our_post_processing_it_raises(self):
        for path in (None, "mine.post_process"):
            args = SimpleNamespace(custom_reward_post_process_path=path)
            with self.assertRaises(Unscorable), self.assertLogs("assay_oracle"):
                self.reward(self.sample("infra"), args)

    def test_leaves_rewards_as_they_are_where_slime_does(self):
        sample = self.sample("resolved")
        self.reward(sample)
        args = SimpleNamespace(advantage_estimator="ppo", rewards_normalization=True)
        self.assertEqual(slime.post_process(args, [sample]), ([1.0], [1.0]))


def enumerate_groups(*groups: str):
    return [(i, name) for i, group in enumerate(groups) for name in group.split()]


class OpenRlhfTest(AdapterTest):
    def test_raises_where_any_query_has_no_reward(self):
        scores = openrlhf.scores_of(self.client, ["?" + DIFF], ["?"], ["resolved"])
        self.assertEqual(openrlhf.answer_of(scores), {"rewards": [1.0], "scores": [1.0]})
        with self.assertLogs("assay_oracle"):
            scores = openrlhf.scores_of(self.client, ["?" + DIFF] * 2, ["?"] * 2, ["resolved", "infra"])
        with self.assertRaises(Unscorable):
            openrlhf.answer_of(scores)


del AdapterTest

if __name__ == "__main__":
    unittest.main()
