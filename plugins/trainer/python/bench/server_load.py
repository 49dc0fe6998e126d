"""Load on the policy server: tokens per second and the median time of a turn, over multi-turn episodes of a tiny model.

    PYTHONPATH=. python bench/server_load.py --episodes 32 --turns 8

The clients are a process of their own; each turn is two calls of /tokenize and a streamed completion, as the harness makes them.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import multiprocessing
import pstats
import random
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--episodes", type=int, default=32, help="how many at a time")
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=25, help="of an answer")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    clients = multiprocessing.get_context("spawn")
    here, there = clients.Pipe()
    process = clients.Process(target=drive, args=(there, options))
    process.start()
    url = serve(options)
    before = time.process_time()
    here.send(url)
    result = here.recv()
    # On a machine that has other work, the seconds of the processor say more than those of the clock.
    used = time.process_time() - before
    print(json.dumps({**result, "tokens_per_cpu_second": round(result.pop("tokens") / used)}))
    process.join()
    from assay_trainer import server

    server.stop()


def serve(options: argparse.Namespace) -> str:
    import torch
    from server_setup import Session, model, tokenizer

    from assay_trainer import server
    from assay_trainer.server import server as thread

    torch.set_num_threads(options.threads)
    if options.profile:
        run = thread.Server._run

        def profiled(self: Any) -> None:
            profile = cProfile.Profile()
            profile.runcall(run, self)
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)

        thread.Server._run = profiled
    tiny = model(
        hidden_size=options.hidden,
        intermediate_size=options.hidden * 8 // 3,
        num_hidden_layers=options.layers,
        vocab_size=512,
        max_position_embeddings=512,
        initializer_range=0.02,
    )
    return server.start(Session(tiny.eval(), tokenizer()), "127.0.0.1", 0, "tiny")


def drive(pipe: Any, options: argparse.Namespace) -> None:
    asyncio.run(load(pipe, options))


async def load(pipe: Any, options: argparse.Namespace) -> None:
    parts = urlsplit(pipe.recv())
    count = SimpleNamespace(tokens=0, calls=0, cached=0, prompt=0, turns=[])
    begin = time.monotonic()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(parts.hostname, parts.port)

    async def call(connection: Any, path: str, body: dict[str, Any]) -> bytes:
        reader, writer = connection
        data = json.dumps(body).encode()
        writer.write(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(data)) + data)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        answer = await reader.readexactly(length)
        assert " 200 " in head, answer
        return answer

    async def episodes(seed: int) -> None:
        chance = random.Random(seed)
        one, other = await connect(), await connect()
        while time.monotonic() - begin < options.seconds:
            # The beginning is the same for all, as a system prompt is.
            prompt = [*range(60), *chance.choices(range(100), k=60)]
            for _ in range(options.turns):
                start = time.monotonic()
                observation = "".join(chance.choices("abcdefgh \n", k=20))

                def body(words: str) -> dict[str, Any]:
                    roles = (("user", "a"), ("assistant", words), ("user", observation))
                    return {"model": "tiny", "messages": [{"role": role, "content": text} for role, text in roles]}

                await asyncio.gather(call(one, "/tokenize", body("a")), call(other, "/tokenize", body("b")))
                fields = {
                    "model": "tiny", "prompt": prompt, "max_tokens": options.tokens, "return_token_ids": True, "logprobs": 1,
                    "n": 1, "temperature": 1, "top_p": 1, "top_k": -1, "min_p": 0, "presence_penalty": 0,
                    "frequency_penalty": 0, "repetition_penalty": 1, "stream": True, "stream_options": {"include_usage": True},
                }
                answer = await call(one, "/v1/completions", fields)
                first, usage = (json.loads(line[6:]) for line in answer.decode().split("\n\n")[:2])
                sampled = first["choices"][0]["token_ids"]
                count.turns.append(time.monotonic() - start)
                count.tokens += len(sampled)
                count.prompt += len(prompt)
                count.cached += usage["usage"]["prompt_tokens_details"]["cached_tokens"]
                prompt = prompt + sampled + chance.choices(range(100), k=25)

    await asyncio.gather(*map(episodes, range(options.episodes)))
    seconds = time.monotonic() - begin
    pipe.send(
        {
            "tokens": count.tokens,
            "tokens_per_second": round(count.tokens / seconds),
            "turns_per_second": round(len(count.turns) / seconds, 1),
            "median_turn_seconds": round(statistics.median(count.turns), 4),
            "cached_share_of_prompts": round(count.cached / count.prompt, 3),
        }
    )


if __name__ == "__main__":
    main()
