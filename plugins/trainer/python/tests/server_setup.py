"""A tiny model with its own tokenizer, and a client, for the tests of the server."""

from __future__ import annotations

import http.client
import json
import string
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers import decoders
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY = 160
CONTEXT = 256


def tokenizer() -> PreTrainedTokenizerFast:
    """Characters as tokens, and a chat template as of Qwen."""
    characters = string.printable
    ids = {character: index for index, character in enumerate(characters)}
    ids["<unk>"] = len(ids)
    plain = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    plain.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        unk_token="<unk>",
        eos_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
        chat_template=TEMPLATE,
    )


def model(seed: int = 0, **changes: Any) -> Any:
    """A random model whose logits are far from even."""
    torch.manual_seed(seed)
    config = Qwen2Config(
        **{
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 64,
            "vocab_size": VOCABULARY,
            "max_position_embeddings": CONTEXT,
            "initializer_range": 0.2,
            "tie_word_embeddings": False,
            "eos_token_id": None,
            "bos_token_id": None,
            **changes,
        }
    )
    return Qwen2ForCausalLM(config)


@dataclass
class Session:
    model: Any
    tokenizer: Any
    weight_version: str = "0"
    lock: Any = field(default_factory=threading.RLock)


def reference(session: Session, ids: list[int]) -> list[float]:
    """The log-probability of each id after the first, computed whole and plainly."""
    with session.lock, torch.no_grad():
        logits = session.model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
    return torch.log_softmax(logits, dim=-1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()


class Client:
    """A connection that is kept."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def call(self, path: str, body: Any = None, method: str | None = None) -> SimpleNamespace:
        """Status, headers and the body: an object, or the events of a stream."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {} if data is None else {"content-type": "application/json"}
        self.connection.request(method or ("GET" if data is None else "POST"), path, data, headers)
        response = self.connection.getresponse()
        raw = response.read().decode()
        if "event-stream" in response.headers["content-type"]:
            events = [line[6:] for line in raw.split("\n") if line.startswith("data: ")]
            return SimpleNamespace(status=response.status, events=events, raw=raw)
        return SimpleNamespace(status=response.status, json=json.loads(raw), raw=raw)

    def complete(self, prompt: Any, **fields: Any) -> dict[str, Any]:
        """A completion with ids and log-probabilities; always the same one, unless another seed is given."""
        body = {"prompt": prompt, "return_token_ids": True, "logprobs": 1, "seed": 1, **fields}
        answer = self.call("/v1/completions", body)
        assert answer.status == 200, answer.raw
        return answer.json
