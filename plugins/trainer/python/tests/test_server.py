"""The policy server as a client sees it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from server_setup import CONTEXT, VOCABULARY, Client, Session, model, reference, tokenizer

from assay_trainer import server

torch.set_num_threads(1)

END = tokenizer().eos_token_id
IM_END = tokenizer().convert_tokens_to_ids("<|im_end|>")


@pytest.fixture
def session() -> Session:
    return Session(model(), tokenizer())


@pytest.fixture
def client(session: Session) -> Iterator[Client]:
    url = server.start(session, "127.0.0.1", 0, "tiny")
    yield Client(url)
    server.stop()


def prompt_of(seed: int, length: int) -> list[int]:
    return random.Random(seed).choices(range(100), k=length)


def errors(session: Session, prompt: list[int], answer: dict) -> float:
    """Largest difference between the log-probabilities of an answer and those of the model."""
    choice = answer["choices"][0]
    ids, logprobs = choice["token_ids"], choice["logprobs"]["token_logprobs"]
    assert len(ids) == len(logprobs) == answer["usage"]["completion_tokens"]
    expected = reference(session, prompt + ids)[len(prompt) - 1 :]
    return max(abs(one - other) for one, other in zip(logprobs, expected, strict=True))


def test_log_probabilities_are_the_models_own(session: Session, client: Client) -> None:
    prompt = prompt_of(1, 40)
    assert errors(session, prompt, client.complete(prompt, max_tokens=60)) < 1e-4


def test_log_probabilities_hold_in_mixed_batches_and_over_turns(session: Session, client: Client) -> None:
    url = f"http://{client.connection.host}:{client.connection.port}"

    def episode(seed: int) -> tuple[float, int]:
        own, prompt, worst, reused = Client(url), prompt_of(seed % 3, 20 + seed), 0.0, 0
        for turn in range(4):
            answer = own.complete(prompt, max_tokens=5 + seed % 7, seed=seed)
            worst = max(worst, errors(session, prompt, answer))
            reused += answer["usage"]["prompt_tokens_details"]["cached_tokens"]
            prompt = prompt + answer["choices"][0]["token_ids"] + prompt_of(100 * seed + turn, 1 + seed % 20)
        return worst, reused

    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(episode, range(24)))
    assert max(worst for worst, _ in results) < 1e-4
    # Each turn but the first finds what the one before it left.
    assert min(reused for _, reused in results) > 60


def test_the_same_seed_gives_the_same_tokens_alone_and_in_a_batch(session: Session, client: Client) -> None:
    url = f"http://{client.connection.host}:{client.connection.port}"
    prompt = prompt_of(5, 30)
    alone = client.complete(prompt, max_tokens=20, seed=7)["choices"][0]["token_ids"]
    with ThreadPoolExecutor(8) as pool:
        def ask(index: int) -> list[int]:
            seed = 7 if index % 2 else None
            return Client(url).complete(prompt, max_tokens=20, seed=seed)["choices"][0]["token_ids"]
        together = list(pool.map(ask, range(8)))
    assert all(ids == alone for ids in together[1::2])
    assert any(ids != alone for ids in together[0::2])


def test_an_answer_is_in_the_form_that_the_client_reads(client: Client) -> None:
    prompt = prompt_of(2, 10)
    answer = client.complete(prompt, max_tokens=4, model="tiny", n=1, top_k=-1)
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["prompt_token_ids"] == prompt
    assert isinstance(choice["text"], str)
    assert answer["usage"]["prompt_tokens"] == 10
    assert answer["weight_version"] == "0"
    assert answer["sampling_params"] == {
        "n": 1,
        "max_tokens": 4,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "repetition_penalty": 1.0,
        "seed": 1,
        "stop": [],
    }


def test_a_stream_has_the_answer_its_usage_and_an_end(client: Client) -> None:
    body = {"prompt": [1, 2], "max_tokens": 3, "seed": 1, "stream": True, "stream_options": {"include_usage": True}}
    answer = client.call("/v1/completions", {**body, "return_token_ids": True, "logprobs": 1})
    first, usage = map(json.loads, answer.events[:2])
    assert len(first["choices"][0]["token_ids"]) == 3
    assert usage["usage"]["completion_tokens"] == 3
    assert answer.events[2:] == ["[DONE]"]


def test_a_turn_ends_with_the_token_of_the_chat_template(session: Session, client: Client) -> None:
    with torch.no_grad():
        session.model.lm_head.weight[:IM_END] *= 0.01
    answers = [client.complete([index], max_tokens=200, seed=index) for index in range(5)]
    answers = [answer for answer in answers if END not in answer["choices"][0]["token_ids"]]
    ends = [answer["choices"][0] for answer in answers if answer["choices"][0]["finish_reason"] == "stop"]
    assert ends
    assert {choice["token_ids"][-1] for choice in ends} == {IM_END}
    assert all(choice["token_ids"].count(IM_END) == 1 for choice in ends)
    assert all("im_end" not in choice["text"] for choice in ends)


def test_an_answer_ends_where_the_context_does(session: Session, client: Client) -> None:
    prompt = prompt_of(3, CONTEXT - 5)
    answer = client.complete(prompt, max_tokens=100)
    assert answer["usage"]["completion_tokens"] == 5
    assert answer["sampling_params"]["max_tokens"] == 5
    assert errors(session, prompt, answer) < 1e-4


def test_a_prompt_that_fills_the_context_is_refused_in_the_words_of_vllm(client: Client) -> None:
    answer = client.call("/v1/completions", {"prompt": prompt_of(3, CONTEXT)})
    assert answer.status == 400
    assert f"maximum context length is {CONTEXT} tokens" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1),
        ("temperature", "warm"),
        ("top_p", 0),
        ("top_k", -2),
        ("min_p", 2),
        ("repetition_penalty", 0),
        ("max_tokens", 0),
        ("max_tokens", 1.5),
        ("seed", "x"),
        ("stop", [""]),
        ("n", 2),
        ("logprobs", 5),
        ("stream", 1),
        ("logit_bias", {"1": 100}),
        ("prompt", [VOCABULARY]),
        ("prompt", [-1]),
        ("prompt", [True]),
        ("prompt", []),
    ],
)
def test_a_bad_value_is_refused_by_name(client: Client, field: str, value: object) -> None:
    answer = client.call("/v1/completions", {"prompt": [1], field: value})
    assert answer.status == 400
    assert field in answer.json["error"]["message"]
    assert answer.json["error"]["param"] == field
    assert client.complete([1], max_tokens=1)


def test_other_calls_have_their_status(client: Client) -> None:
    assert client.call("/v1/completions", {"prompt": [1], "model": "other"}).status == 404
    assert client.call("/v1/nothing").status == 404
    assert client.call("/v1/completions").status == 405
    assert client.call("/v1/completions", b"{").status == 400
    assert client.call("/v1/completions", b"[]").status == 400
    assert client.call("/health").status == 200
    assert client.call("/v1/models").json["data"][0]["id"] == "tiny"
    assert client.call("/server_info?config_format=json").json["sampling_defaults"] == "openai"


def test_messages_are_tokenized_by_the_template_and_a_chat_samples_from_them(client: Client) -> None:
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": "tiny", "messages": messages, "add_generation_prompt": True}
    tokens = client.call("/tokenize", body).json["tokens"]
    assert tokens == client.call("/v1/tokenize", body).json["tokens"]
    text = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert tokens == client.call("/tokenize", {"prompt": text}).json["tokens"]
    answer = client.call("/v1/chat/completions", {"messages": messages, "max_tokens": 5, "return_token_ids": True}).json
    assert answer["choices"][0]["prompt_token_ids"] == tokens
    assert answer["choices"][0]["message"]["role"] == "assistant"


def test_new_weights_are_used_at_once_and_their_version_is_told(session: Session, client: Client) -> None:
    prompt = prompt_of(4, 40)
    client.complete(prompt, max_tokens=10)
    with session.lock:
        with torch.no_grad():
            for parameter in session.model.parameters():
                parameter.mul_(1.1)
        session.weight_version = "1"
    answer = client.complete(prompt, max_tokens=10)
    assert answer["weight_version"] == "1"
    assert answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert errors(session, prompt, answer) < 1e-4


def test_weights_that_change_in_the_middle_are_both_told(session: Session, client: Client) -> None:
    prompt = prompt_of(4, 40)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.complete, prompt, max_tokens=200, stop=None)
        time.sleep(0.05)
        with session.lock:
            session.weight_version = "1"
        answer = answer.result()
    assert answer["weight_versions"] == ["0", "1"]
    assert answer["weight_version"] == "1"
    # The weights are the same under another name: so are the log-probabilities.
    assert errors(session, prompt, answer) < 1e-4


def test_a_failure_of_the_engine_is_answered_and_passes(session: Session, client: Client) -> None:
    head = session.model.lm_head.weight
    kept = head.data
    head.data = torch.zeros(1, 1)
    answer = client.call("/v1/completions", {"prompt": [1, 2]})
    head.data = kept
    assert answer.status == 500
    assert "could not compute" in answer.json["error"]["message"]
    assert client.complete([1, 2], max_tokens=2)


def test_weights_that_are_no_numbers_are_an_error_that_leaves_nothing_behind(session: Session, client: Client) -> None:
    weight = session.model.model.layers[0].self_attn.v_proj.weight
    kept = weight.detach().clone()
    prompt = prompt_of(1, 40)
    with torch.no_grad():
        weight.fill_(float("nan"))
    assert client.call("/v1/completions", {"prompt": prompt}).status == 500
    with torch.no_grad():
        weight.copy_(kept)
    assert errors(session, prompt, client.complete(prompt, max_tokens=10)) < 1e-4


def test_a_client_that_leaves_ends_its_request(client: Client) -> None:
    other = Client(f"http://{client.connection.host}:{client.connection.port}")
    other.connection.request("POST", "/v1/completions", json.dumps({"prompt": [1], "max_tokens": 250}))
    while client.call("/server_info").json["running"] == 0:
        pass
    other.connection.close()
    deadline = time.monotonic() + 10
    while client.call("/server_info").json["running"] > 0:
        assert time.monotonic() < deadline


def test_stopping_answers_what_is_running(session: Session) -> None:
    url = server.start(session, "127.0.0.1", 0, "tiny")
    with session.lock, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(Client(url).call, "/v1/completions", {"prompt": [1], "max_tokens": 250})
        watcher = Client(url)
        while watcher.call("/server_info").json["waiting"] == 0:
            pass
        server.stop()
        assert answer.result().status == 503
    assert not any(thread.name == "policy-server" for thread in threading.enumerate())
