"""OpenRLHF: its own executor asks the bridge, and this package's file, for the reward of a scripted generation.

Shows that a completion without a reward has None, which its training step refuses, after five tries.
"""

import asyncio
import threading
from types import SimpleNamespace

import assay_oracle.openrlhf
from assay_oracle import default_client
from assay_oracle.bridge import FRAMEWORKS, serve
from cases import cases
from openrlhf.utils.agent import SingleTurnAgentExecutor
from tiny import tiny_tokenizer

PROMPT = "Fix the bug. An answer looks like this:\n```diff\ndiff --git a/x b/x\n```\n"
tokenizer = tiny_tokenizer()


class Engine:
    """In place of vLLM: generates the completion it was made for."""

    def __init__(self, completion: str) -> None:
        self.completion = completion

    async def generate(self, prompt_token_ids, sampling_params, multi_modal_data=None):
        ids = tokenizer(self.completion)["input_ids"] + [tokenizer.eos_token_id]
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids, logprobs=None, finish_reason="stop")])


async def reward(remote_url: str, case) -> object:
    executor = SingleTurnAgentExecutor([remote_url])
    sampling = SimpleNamespace(max_tokens=512, logprobs=None)
    output = await executor.execute(
        PROMPT, case.instance_id, sampling, 4096, tokenizer, Engine(case.completion)
    )
    return output["reward"]


async def main() -> None:
    server = serve(default_client(), FRAMEWORKS["openrlhf"], ("127.0.0.1", 0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    for case in cases():
        by_bridge, by_file = await asyncio.gather(
            reward(url, case), reward(assay_oracle.openrlhf.__file__, case)
        )
        print(f"{case.instance_id:20} by bridge {by_bridge}   by file {by_file}")
        assert by_bridge == by_file == (None if case.reward is None else [case.reward])
    print("openrlhf: each reward is as it must be")


asyncio.run(main())
