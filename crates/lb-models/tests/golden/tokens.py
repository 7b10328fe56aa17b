"""Writes tokens.json: prompts and their ids from OpenCLIP's own tokenizer (open_clip_torch 3.3.0).

Usage: python tokens.py [MODEL_DIRECTORY]. The tokenizer is given that directory's merges; without
an argument, those of the workspace's models/pocket.
"""
import gzip
import json
import sys
import tempfile
from pathlib import Path

from open_clip.tokenizer import SimpleTokenizer

PROMPTS = [
    "", "red apple", "a green pear", "A RED Apple", "  two   spaces\tand\nlines  ",
    "a photo of a blue mushroom on a pink background", "red apple on a blue background",
    "strawberry, banana & cherries", "don't stop; it's 'quoted'", "we'll they're I've I'd I'm",
    "!", "!!!", "wow! great!!", "a!b", "salt &amp; pepper", "salt &amp;amp; pepper", "&lt;b&gt;",
    "caf\u00e9 cr\u00e8me", "cafe\u0301", "na\u00efve fa\u00e7ade", "\u00fcber stra\u00dfe", "3 apples and 12 pears",
    "1234567890", "3.14159", "e=mc2", "cat\u2019s whiskers", "\u201csmart quotes\u201d", "emoji \U0001f34e\U0001f350",
    "\u65e5\u672c\u8a9e\u306e\u30ea\u30f3\u30b4", "\u043a\u0440\u0430\u0441\u043d\u043e\u0435 \u044f\u0431\u043b\u043e\u043a\u043e", "\u0627\u0644\u062a\u0641\u0627\u062d", "schÃ¶n", "l\u00e2\u20ac\u2122apple",
    "a-b_c/d\\e|f", "#hashtag @name $5 50%", "(parentheses) [brackets] {braces}",
    "supercalifragilisticexpialidocious", "\u00a0non\u00a0breaking\u00a0", "zero\u200bwidth",
    "\uff26\uff55\uff4c\uff4c width", "tabs\t\tand\u2003em space", "<|endoftext|", "..., --- ***", "a" * 40,
]


BUNDLED_MODEL = Path(__file__).resolve().parents[4] / "models/pocket"


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLED_MODEL
    # OpenCLIP would take the empty text after the last line for a merge.
    merges = (directory / "tokenizer/merges.txt").read_text().rstrip("\n")
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "merges.txt.gz"
        packed.write_bytes(gzip.compress(merges.encode()))
        tokenizer = SimpleTokenizer(str(packed))
    begin, end = tokenizer.sot_token_id, tokenizer.eot_token_id
    prompts = [{"text": text, "ids": [begin, *tokenizer.encode(text), end]} for text in PROMPTS]
    target = Path(__file__).parent / "tokens.json"
    target.write_text(json.dumps({"prompts": prompts}, indent=0) + "\n")


if __name__ == "__main__":
    main()
