"""Parts of the policy server by themselves: drawing tokens, kept prefixes, passes over rows."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import torch
from server_setup import model

from assay_trainer.server.forward import Forward
from assay_trainer.server.prefixes import BLOCK, Prefixes
from assay_trainer.server.sampling import Controls, Draws, Seen, draw

torch.set_num_threads(1)


def drawn(logits: list[float], count: int = 4000, **fields: Any) -> tuple[Counter[int], dict[int, float]]:
    """How often each token was drawn, and the log-probability that came with it."""
    controls = Controls(max_tokens=count, **fields)
    draws = Draws(controls)
    rows = torch.tensor([logits]).expand(count, -1)
    tokens, logprobs = draw(rows, [controls] * count, [draws.next() for _ in range(count)], [None] * count)
    return Counter(tokens), dict(zip(tokens, logprobs))


LOGITS = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()


def test_tokens_are_drawn_as_often_as_their_probability_says() -> None:
    counts, logprobs = drawn(LOGITS, seed=1)
    assert [counts[token] / 4000 for token in range(4)] == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.025)
    assert [logprobs[token] for token in range(4)] == pytest.approx(LOGITS, abs=1e-6)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"top_k": 2}, [0.625, 0.375]),
        ({"top_k": 0}, [0.5, 0.3, 0.15, 0.05]),
        ({"top_p": 0.6}, [0.625, 0.375]),
        ({"top_p": 0.5}, [1.0]),
        ({"min_p": 0.25}, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95]),
        # top_p is of what top_k left: 0.625 is enough.
        ({"top_k": 2, "top_p": 0.55}, [1.0]),
        ({"temperature": 0.5}, [0.25 / 0.365, 0.09 / 0.365, 0.0225 / 0.365, 0.0025 / 0.365]),
    ],
)
def test_a_controls_log_probability_is_of_the_distribution_drawn_from(fields: dict[str, Any], expected: list[float]) -> None:
    counts, logprobs = drawn(LOGITS, seed=2, **fields)
    assert sorted(counts) == list(range(len(expected)))
    assert [torch.tensor(logprobs[token]).exp().item() for token in sorted(counts)] == pytest.approx(expected, rel=1e-4)


def test_temperature_0_takes_the_likeliest() -> None:
    counts, logprobs = drawn(LOGITS, temperature=0.0)
    assert set(counts) == {0}
    assert logprobs[0] == pytest.approx(LOGITS[0])


def test_a_row_with_controls_leaves_its_neighbours_as_they_are() -> None:
    rows = torch.tensor([LOGITS] * 3)
    controls = [Controls(1), Controls(1, top_k=1), Controls(1, temperature=0.0)]
    tokens, logprobs = draw(rows, controls, [0.99, 0.99, 0.99], [None] * 3)
    assert tokens == [3, 0, 0]
    assert logprobs == pytest.approx([LOGITS[3], 0.0, LOGITS[0]], abs=1e-6)


def test_penalties_lower_what_was_said() -> None:
    controls = Controls(1, presence_penalty=0.5, frequency_penalty=0.25, repetition_penalty=2.0)
    seen = Seen([0], [1, 1], 4, torch.device("cpu"))
    logits = torch.tensor([1.0, -1.0, 1.0, 0.0])
    assert seen.applied(logits, controls).tolist() == [0.5, -2.0 - 0.5 - 0.5, 1.0, 0.0]


def test_draws_depend_on_the_seed_only() -> None:
    def numbers(seed: int | None, count: int = 600) -> list[float]:
        draws = Draws(Controls(max_tokens=count, seed=seed))
        return [draws.next() for _ in range(count)]

    assert numbers(3) == numbers(3)
    assert numbers(3) != numbers(4)
    assert numbers(None) != numbers(None)
    assert len(set(numbers(3))) == 600


def states(length: int) -> list[torch.Tensor]:
    return [torch.zeros(1, length, 1, 1)]


def test_the_longest_beginning_is_found_to_the_token() -> None:
    kept = Prefixes(10**6)
    tokens = random.Random(0).choices(range(50), k=100)
    kept.add(tokens, states(100))
    assert kept.match([*tokens[:37], -1, *tokens[38:]])[1] == 37
    assert kept.match(tokens + [1, 2])[1] == 100
    assert kept.match(tokens[:50])[1] == 50
    assert kept.match([99, *tokens])[1] == 0
    assert kept.match([])[1] == 0


def test_a_sequence_takes_the_place_of_its_own_beginning() -> None:
    kept = Prefixes(10**6)
    tokens = random.Random(0).choices(range(50), k=100)
    kept.add(tokens[:60], states(60))
    kept.add(tokens, states(100))
    assert len(kept) == 1
    kept.add([*tokens[:50], *range(100, 150)], states(100))
    assert len(kept) == 2
    assert kept.match(tokens)[1] == 100


def test_what_was_not_used_for_longest_goes_first() -> None:
    size = BLOCK * 4
    kept = Prefixes(3 * size)
    for first in range(3):
        kept.add([first] * BLOCK, states(BLOCK))
    assert kept.match([0] * BLOCK)[1] == BLOCK
    kept.add([3] * BLOCK, states(BLOCK))
    assert [kept.match([first] * BLOCK)[1] for first in range(4)] == [BLOCK, 0, BLOCK, BLOCK]
    kept.add([4] * BLOCK * 10, states(BLOCK * 10))
    assert kept.match([4] * BLOCK)[1] == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 1, "tie_word_embeddings": True},
        {"use_sliding_window": True, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
        {"use_sliding_window": True, "sliding_window": 8, "layer_types": ["sliding_attention", "sliding_attention"]},
    ],
)
def test_a_pass_over_rows_of_any_lengths_gives_the_models_logits(changes: dict[str, Any], capfd: pytest.CaptureFixture) -> None:
    tiny = model(**changes).eval()
    chance = random.Random(1)
    sequences = [chance.choices(range(100), k=length) for length in (70, 31, 30, 5)]
    done = [64, 30, 10, 0]
    width = max(len(ids) - count for ids, count in zip(sequences, done))
    with torch.inference_mode():
        expected = [tiny(input_ids=torch.tensor([ids])).logits[0, -1] for ids in sequences]
        forward = Forward(tiny, half=False)
        forward.rows.reserve(6, 70)
        # Rows of others are in front; what each has already is computed by itself.
        for row, (ids, count) in enumerate(zip(sequences, done), start=2):
            if count:
                forward(row, [ids[:count]], [list(range(count))])
        padding = [width - len(ids) + count for ids, count in zip(sequences, done)]
        ids = [[0] * pad + ids[count:] for pad, ids, count in zip(padding, sequences, done)]
        slots = [[-1] * pad + list(range(count, count + width - pad)) for pad, count in zip(padding, done)]
        logits = forward(2, ids, slots)
    assert "untraced" not in capfd.readouterr().err
    for row, plain in enumerate(expected):
        assert (logits[row] - plain).abs().max().item() < 1e-4


def test_the_model_is_as_before_after_a_pass() -> None:
    tiny = model().train()
    before = torch.get_rng_state()
    with torch.inference_mode():
        forward = Forward(tiny, half=False)
        forward.rows.reserve(1, 1)
        forward(0, [[1]], [[0]])
    assert tiny.training
    assert tiny.config._attn_implementation == "sdpa"
    assert torch.equal(torch.get_rng_state(), before)
    tiny(input_ids=torch.tensor([[1, 2]])).logits.sum().backward()
