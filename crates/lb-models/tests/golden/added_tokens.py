"""Writes added_tokens/ids.json: tokens that were added to a tokenizer, in the files in which transformers has saved
them, and the ids that transformers gives to prompts with them.

    python added_tokens.py

The other files of added_tokens/ are a tiny text encoder with one token more than its vocabulary, a copy of the row of
`ab`, and two of the files that name it `<toy>`.
"""

import json
import string
import tempfile
from pathlib import Path

from transformers import AddedToken, CLIPTokenizer

HERE = Path(__file__).parent / "added_tokens"
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
SPECIAL = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
LETTERS = [*string.ascii_lowercase, *"0123456789<>_-(),:"]
VOCABULARY = [*LETTERS, *(letter + "</w>" for letter in LETTERS), "ab</w>", BEGIN, END]
FIRST = len(VOCABULARY)
PROMPTS = ["", "a <toy> b", "a<toy>b", "<TOY> toy <Toy>", "<cat> <Cat> <CAT>", "<toy>_1 <toy> <toy>_2 <toy>_12",
           "word words, word-x (Word) swords word_1", "  <toy>\n b  AB", "<toy><toy>", "A <Style> of <style>",
           "two words", "<toy", "the <toy>: ab"]


def ids(folder):
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    return [{"text": text, "ids": tokenizer(text).input_ids} for text in PROMPTS]


def written(files):
    """What transformers makes of these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        return {"files": files, "prompts": ids(folder)}


def main():
    vocabulary = {token: id for id, token in enumerate(VOCABULARY)}
    base = {
        "vocab.json": json.dumps(vocabulary),
        "merges.txt": "#version: 0.2\na b</w>\n",
        "special_tokens_map.json": json.dumps(SPECIAL),
    }
    plain = ["<toy>", "<Cat>", "<toy>_1", "two words"]
    flags = [
        AddedToken("<toy>", normalized=False, lstrip=True, rstrip=True),
        AddedToken("<Cat>", normalized=True),
        AddedToken("word", single_word=True),
        AddedToken("<Style>", special=True, normalized=False),
    ]
    numbered = {str(FIRST + at): token.__getstate__() for at, token in enumerate(flags)}
    config = {"tokenizer_class": "CLIPTokenizer", **SPECIAL}
    cases = {
        "added_tokens.json": written({
            **base, "added_tokens.json": json.dumps({token: FIRST + at for at, token in enumerate(plain)}),
        }),
        "tokenizer_config.json": written({
            **base, "tokenizer_config.json": json.dumps({**config, "added_tokens_decoder": numbered}),
        }),
    }
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[("a", "b</w>")], **SPECIAL)
        tokenizer.add_tokens(flags[:3])
        tokenizer.add_tokens(flags[3:], special_tokens=True)
        tokenizer.save_pretrained(folder)
        names = ["tokenizer.json", "tokenizer_config.json"]
        cases["tokenizer.json"] = written({name: (Path(folder) / name).read_text() for name in names})
    (HERE / "ids.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
