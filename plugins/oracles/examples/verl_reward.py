"""verl: its own loader and reward managers with our functions, its own advantages, and the output of an agent loop.

Shows what each way makes of a completion without a reward; also why `rate_limited` must not be used.
"""

import asyncio
import os

import assay_oracle.verl
import numpy as np
import torch
from assay_oracle import Unscorable, default_client
from assay_oracle.verl import put_score, score_of
from cases import cases
from omegaconf import OmegaConf
from tiny import tiny_tokenizer

# What a user sets in the environment of the trainer, before verl is imported anywhere.
os.environ["VERL_USE_EXTERNAL_MODULES"] = "assay_oracle.verl_advantage"

from tensordict import TensorDict  # noqa: E402
from verl import DataProto  # noqa: E402
from verl.experimental.agent_loop.agent_loop import AgentLoopMetrics, AgentLoopOutput  # noqa: E402
from verl.trainer.ppo.ray_trainer import compute_advantage  # noqa: E402
from verl.trainer.ppo.reward import load_reward_manager  # noqa: E402

CASES = cases()
tokenizer = tiny_tokenizer()


def batch() -> DataProto:
    rows = [torch.tensor(tokenizer(case.completion)["input_ids"]) for case in CASES]
    responses = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=tokenizer.pad_token_id)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    prompts = torch.ones(len(rows), 1, dtype=torch.long)
    tensors = {
        "prompts": prompts,
        "responses": responses,
        "attention_mask": torch.cat([torch.ones_like(prompts), mask], dim=1),
        "response_mask": mask,
    }
    columns = {
        "data_source": ["assay"] * len(rows),
        "reward_model": [{"style": "rule", "ground_truth": ""}] * len(rows),
        "extra_info": [{"instance_id": case.instance_id} for case in CASES],
        "uid": ["one prompt"] * len(rows),
    }
    non_tensors = {name: np.array(values, dtype=object) for name, values in columns.items()}
    return DataProto(batch=TensorDict(tensors, batch_size=len(rows)), non_tensor_batch=non_tensors)


def manager(function: str, name: str):
    config = {
        "custom_reward_function": {"path": assay_oracle.verl.__file__, "name": function, "reward_kwargs": {}},
        "reward_manager": {"source": "register", "name": name},
    }
    return load_reward_manager(OmegaConf.create({"reward": config, "data": {}}), tokenizer)


async def score(function: str, name: str = "naive") -> list:
    data, scorer = batch(), manager(function, name)
    jobs = [scorer.run_single(data[i : i + 1]) for i in range(len(CASES))]
    return await asyncio.gather(*jobs, return_exceptions=True)


def show(title: str, values: list) -> None:
    print(f"{title:44}", *(f"{value:>10}" for value in values))


async def main() -> None:
    show("instance", [case.instance_id[-10:] for case in CASES])

    raising = await score("compute_score")
    show(
        "compute_score",
        [type(row).__name__ if isinstance(row, Exception) else row["reward_score"] for row in raising],
    )
    for case, row in zip(CASES, raising):
        assert isinstance(row, Unscorable) if case.reward is None else row["reward_score"] == case.reward

    limited = [row["reward_score"] for row in await score("compute_score", "rate_limited")]
    show("compute_score with rate_limited (wrong!)", limited)
    assert limited == [case.reward or 0.0 for case in CASES]

    rewards = torch.tensor([row["reward_score"] for row in await score("compute_score_nan")])
    show("compute_score_nan", rewards.tolist())
    data = batch()
    data.batch["token_level_rewards"] = torch.zeros_like(data.batch["response_mask"], dtype=torch.float32)
    data.batch["token_level_rewards"][:, 0] = rewards
    for estimator in ("grpo", "grpo_scored"):
        config = OmegaConf.create({"norm_adv_by_std_in_grpo": True})
        advantages = compute_advantage(data, estimator, config=config).batch["advantages"][:, 0]
        show(f"  advantages of {estimator}", [round(value, 3) for value in advantages.tolist()])
    known = torch.tensor([case.reward for case in CASES if case.reward is not None])
    for case, advantage in zip(CASES, advantages):
        expected = 0.0 if case.reward is None else (case.reward - known.mean()) / (known.std() + 1e-6)
        assert torch.isclose(advantage, torch.as_tensor(expected), atol=1e-4)

    trained = []
    for case in CASES:
        ids = tokenizer(case.completion)["input_ids"]
        output = AgentLoopOutput(
            prompt_ids=[1], response_ids=ids, response_mask=[1] * len(ids), metrics=AgentLoopMetrics()
        )
        score_ = await score_of(default_client(), case.completion, case.instance_id, None)
        tensors = put_score(output, score_).as_dict()
        trained.append(int(tensors["response_mask"].sum()))
        assert (trained[-1] == 0) == (case.reward is None)
        assert float(tensors["rm_scores"].sum()) == (case.reward or 0.0)
    show("agent loop: tokens to train", trained)
    print("verl: rewards and advantages are as they must be")


asyncio.run(main())
