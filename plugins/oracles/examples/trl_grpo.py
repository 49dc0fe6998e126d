"""TRL: one step of GRPOTrainer on a tiny random model, with rollouts from cases.py in place of the model's own.

Shows that a completion without a reward is out of its group's mean and gets no advantage.
"""

import tempfile

import torch
from assay_oracle.trl import assay_reward
from cases import cases
from datasets import Dataset
from tiny import tiny_model, tiny_tokenizer
from trl import GRPOConfig, GRPOTrainer

CASES = cases()
tokenizer = tiny_tokenizer()


def rollout(prompts, _trainer):
    """The completions of the cases, one for each prompt of the group."""
    ids = [tokenizer(case.completion)["input_ids"] + [tokenizer.eos_token_id] for case in CASES]
    return {
        "prompt_ids": [tokenizer(prompt)["input_ids"] for prompt in prompts],
        "completion_ids": ids,
        "logprobs": [[-1.0] * len(row) for row in ids],
        "instance_id": [case.instance_id for case in CASES],
    }


with tempfile.TemporaryDirectory() as folder:
    config = GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=len(CASES),
        num_generations=len(CASES),
        max_completion_length=512,
        max_steps=1,
        learning_rate=1e-3,
        use_cpu=True,
        report_to=[],
        logging_steps=1,
        save_strategy="no",
    )
    trainer = GRPOTrainer(
        model=tiny_model(tokenizer),
        reward_funcs=assay_reward,
        args=config,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([{"prompt": "Fix the bug.\n", "instance_id": CASES[0].instance_id}]),
        rollout_func=rollout,
    )
    trainer.train()

rewards = list(trainer._logs["rewards"]["assay_reward"])
advantages = list(trainer._logs["advantages"])
known = torch.tensor([case.reward for case in CASES if case.reward is not None])
for case, reward, advantage in zip(CASES, rewards, advantages):
    print(f"{case.instance_id:20} reward {reward:5.1f}   advantage {advantage:7.3f}")
    if case.reward is None:
        assert reward != reward and advantage == 0.0
    else:
        assert reward == case.reward
        assert abs(advantage - (reward - known.mean()) / (known.std() + 1e-4)) < 1e-3
print("trl: a step was trained")
