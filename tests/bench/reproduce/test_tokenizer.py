"""`python -m pytest tests/bench/reproduce`, with the environment of `npm run trainer:setup`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from tokenizer import ASSISTANT, END, PAD, USER, VOCABULARY, main, make_tokenizer, sequence_of

ISSUE = "`oak_lamp` must give the larger of its two numbers."
SEEN = 'north.sh:oak_lamp() { add "$1" "$2"; }\n[cwd: /testbed]'
LOOK = "```bash\ngrep oak_lamp *.sh\n```"
EDIT = "the larger max\n```bash\nsed -i '/oak_lamp/s/add/max/' north.sh\n```"
SUBMIT = "```bash\necho SUBMIT_MY_CHANGES\n```"
CONVERSATION = [
    {"role": "user", "content": ISSUE},
    {"role": "assistant", "content": LOOK},
    {"role": "user", "content": SEEN},
    {"role": "assistant", "content": EDIT},
    {"role": "user", "content": "(no output)\n[cwd: /testbed]"},
    {"role": "assistant", "content": SUBMIT},
]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer([CONVERSATION] * 10)


def test_the_vocabulary_is_small_and_all_of_a_drill_is_made_of_whole_pieces(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer) <= VOCABULARY
    assert len(sequence_of(CONVERSATION, tokenizer)["tokens"]) < 75
    assert tokenizer.tokenize("sed -i '/oak_lamp/s/add/max/' north.sh\n```")[1:3] == ["oak", "_lamp"]


@pytest.mark.parametrize("text", ["".join(map(chr, range(256))), "bash: line 1: ü: €\r\n\t\0 \U0001f600", "   a  b\n\n\n```c", ISSUE, EDIT, SEEN])
def test_any_text_comes_back_as_it_was(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False), skip_special_tokens=False) == text


def test_a_name_has_the_same_tokens_wherever_it_stands(tokenizer: PreTrainedTokenizerFast) -> None:
    name = tokenizer.encode("oak_lamp", add_special_tokens=False)
    for text in (ISSUE, SEEN, LOOK, EDIT):
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert any(ids[at : at + len(name)] == name for at in range(len(ids)))


def test_the_template_gives_the_ids_of_the_sequences_and_ends_turns_with_the_end_of_text(tokenizer: PreTrainedTokenizerFast) -> None:
    assert (tokenizer.eos_token, tokenizer.pad_token) == (END, PAD)
    assert tokenizer.apply_chat_template(CONVERSATION, return_dict=False) == sequence_of(CONVERSATION, tokenizer)["tokens"]
    begun = tokenizer.apply_chat_template(CONVERSATION[:1], add_generation_prompt=True, tokenize=False)
    assert begun == f"{USER}{ISSUE}{END}{ASSISTANT}"


def test_what_follows_an_assistants_words_does_not_depend_on_them(tokenizer: PreTrainedTokenizerFast) -> None:
    def after(words: str) -> list[int]:
        ids = tokenizer.apply_chat_template([{"role": "user", "content": "a"}, {"role": "assistant", "content": words}, CONVERSATION[2]], add_generation_prompt=True, return_dict=False)
        return ids[ids.index(tokenizer.convert_tokens_to_ids(END), 3) :]

    assert after("a") == after("b") == after(EDIT)


def test_only_what_an_assistant_says_is_learnt(tokenizer: PreTrainedTokenizerFast) -> None:
    sequence = sequence_of(CONVERSATION, tokenizer)
    learnt = [token for token, weight in zip(sequence["tokens"], sequence["weights"], strict=True) if weight]
    assert tokenizer.decode(learnt) == f"{LOOK}{END}{EDIT}{END}{SUBMIT}{END}"


def test_the_program_writes_a_folder_that_transformers_reads_and_a_line_for_each_conversation(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"messages": CONVERSATION}) + "\n" for _ in range(10)))
    main(str(corpus), str(tmp_path / "tokenizer"))
    read = PreTrainedTokenizerFast.from_pretrained(tmp_path / "tokenizer")
    lines = (tmp_path / "tokenizer" / "sequences.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [sequence_of(CONVERSATION, read)] * 10
