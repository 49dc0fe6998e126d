"""A tokenizer for drills, and the demonstrations in its ids: `tokenizer.py CORPUS.jsonl FOLDER`.

Writes to FOLDER a tokenizer in Hugging Face's form, and `sequences.jsonl`: for each line of CORPUS, `{"messages": [{"role", "content"}, ...]}`, a line
`{"tokens": [...], "weights": [...]}` with weight 1 on what an assistant says and on the end of its turn.

Whole words, and the fixed parts of commands and observations, are one token each, as far as they are among the most frequent pieces of the corpus; all else is spelled in bytes.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

Message = dict[str, str]

PAD, END, USER, ASSISTANT = SPECIAL = ("<|pad|>", "<|end|>", "<|user|>", "<|assistant|>")
VOCABULARY = 512
FEWEST = 8
"""A piece that occurs less often in the corpus has no token of its own."""

COMMANDS = ("```bash\n", "\n```", "echo SUBMIT_MY_CHANGES", "grep ", " *.sh", "sed -i '/", "/s/", "/' ", ".sh:", ".sh", "() { ", ' "$1" "$2"; }')
WORDS = (r" ?[A-Za-z]+", r"_[A-Za-z]+", r"[0-9]", r"\n", r"[^A-Za-z0-9_\n]", r"_")
LINE = 12
"""Fixed lines of observations are at least that long; what is shorter is made of words."""

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|>{% else %}<|user|>{% endif %}{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def fixed_lines(conversations: Iterable[Sequence[Message]]) -> list[str]:
    """Lines that stand in observations again and again, e.g. those of format errors."""
    counts: Counter[str] = Counter()
    for messages in conversations:
        for message in messages[1:]:
            if message["role"] == "user":
                counts.update({line for line in message["content"].split("\n") if len(line) >= LINE and ".sh:" not in line})
    return sorted(line for line, count in counts.items() if count >= FEWEST)


def pattern_of(fixed: Iterable[str]) -> str:
    """Longest first, because the first alternative that fits is taken."""
    whole = sorted({*fixed, *COMMANDS}, key=lambda piece: (-len(piece), piece))
    return "|".join([*(re.escape(piece) for piece in whole), *WORDS])


def make_tokenizer(conversations: Sequence[Sequence[Message]]) -> PreTrainedTokenizerFast:
    """Trains on all that is said, which knows nothing of answers (`corpus.ts`)."""
    pattern = pattern_of(fixed_lines(conversations))
    counts: Counter[str] = Counter()
    for messages in conversations:
        for message in messages:
            counts.update(re.findall(pattern, message["content"]))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelled = lambda piece: byte_level.pre_tokenize_str(piece)[0][0]  # noqa: E731
    vocabulary = {token: index for index, token in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    frequent = sorted((piece for piece, count in counts.items() if count >= FEWEST and len(piece) > 1), key=lambda piece: (-counts[piece], piece))
    for piece in frequent[: VOCABULARY - len(vocabulary)]:
        vocabulary.setdefault(spelled(piece), len(vocabulary))
    # A piece that is in the vocabulary is taken whole; no other one is put together.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = TEMPLATE
    return fast


def sequence_of(messages: Sequence[Message], tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    tokens: list[int] = []
    weights: list[int] = []
    for message in messages:
        is_learnt = message["role"] == "assistant"
        said = [*tokenizer.encode(message["content"], add_special_tokens=False), tokenizer.convert_tokens_to_ids(END)]
        tokens += [tokenizer.convert_tokens_to_ids(ASSISTANT if is_learnt else USER), *said]
        weights += [0, *[int(is_learnt)] * len(said)]
    return {"tokens": tokens, "weights": weights}


def main(corpus: str, folder: str) -> None:
    conversations = [json.loads(line)["messages"] for line in Path(corpus).read_text(encoding="utf-8").splitlines()]
    tokenizer = make_tokenizer(conversations)
    tokenizer.save_pretrained(folder)
    with (Path(folder) / "sequences.jsonl").open("w", encoding="utf-8") as file:
        for messages in conversations:
            file.write(json.dumps(sequence_of(messages, tokenizer)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
