"""SkyRL: its own generator with our environment, and an engine that gives scripted completions.

Shows that a prompt of which one completion has no reward is out of the loss, and that it raises without the mask.
"""

import asyncio

from assay_oracle import Unscorable
from assay_oracle.skyrl import masked
from cases import cases
from skyrl.train.config import GeneratorConfig, SkyRLGymConfig
from skyrl.train.generators.base import TrajectoryID
from skyrl.train.generators.skyrl_gym_generator import SkyRLGymGenerator
from skyrl_gym.envs.registration import register
from tiny import tiny_tokenizer

# Each completion is asked for once by a prompt of its own, and once by a prompt whose other completion is the last case.
CASES = cases()
tokenizer = tiny_tokenizer()
tokenizer.chat_template = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
)

register(id="assay", entry_point="assay_oracle.skyrl:AssayEnv")
register(id="assay_masked", entry_point="assay_oracle.skyrl:AssayEnv", kwargs={"mask_unscorable": True})


class Engine:
    """In place of vLLM: the prompt ends with the number of the case whose completion it gives."""

    async def generate(self, request, model=None):
        texts = [tokenizer.decode(ids).strip() for ids in request["prompt_token_ids"]]
        responses = [CASES[int(text.rsplit(" ", 1)[1])].completion for text in texts]
        ids = [tokenizer(response)["input_ids"] + [tokenizer.eos_token_id] for response in responses]
        return {"responses": responses, "response_ids": ids, "stop_reasons": ["stop"] * len(ids)}

    async def finish_session(self, session_id):
        """Nothing to free."""


class Generator(SkyRLGymGenerator):
    """What a user's entry point makes in place of SkyRL's own."""

    async def generate(self, input_batch, disable_tqdm=False):
        return masked(input_batch, await super().generate(input_batch, disable_tqdm=True))


def batch(env_class: str) -> dict:
    numbers = range(len(CASES))
    ids = [TrajectoryID("with the last" if i >= len(CASES) - 2 else f"alone {i}", i) for i in numbers]
    return {
        "prompts": [[{"role": "user", "content": f"Fix bug {i}"}] for i in numbers],
        "env_classes": [env_class] * len(CASES),
        "env_extras": [{"instance_id": case.instance_id} for case in CASES],
        "trajectory_ids": ids,
        "sampling_params": {},
        "batch_metadata": None,
    }


async def main() -> None:
    generator = Generator(GeneratorConfig(max_input_length=4096), SkyRLGymConfig(), Engine(), tokenizer)
    output = await generator.generate(batch("assay_masked"))
    lost = any(case.reward is None for case in CASES)
    for i, case in enumerate(CASES):
        reward, tokens = sum(output["rewards"][i]), sum(output["loss_masks"][i])
        print(f"{case.instance_id:20} reward {reward}   tokens to train {tokens}")
        assert reward == (case.reward or 0.0)
        assert (tokens == 0) == (lost and i >= len(CASES) - 2)
    if lost:
        try:
            await generator.generate(batch("assay"))
        except Unscorable as error:
            print(f"without the mask: {error}")
        else:
            raise AssertionError("a completion without a reward was given one")
    print("skyrl: each row is as it must be")


asyncio.run(main())
