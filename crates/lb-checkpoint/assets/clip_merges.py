"""Writes clip_merges.txt.gz: CLIP's 48,894 byte-pair merges in the format of transformers' merges.txt.

    pip install open_clip_torch
    python clip_merges.py
"""

import gzip
from importlib.util import find_spec
from pathlib import Path

# OpenCLIP computes the number in the same way, from the file's 49,152 entries, 256 tokens for bytes
# and 2 special tokens.
MERGES = 49152 - 256 - 2

package = Path(find_spec("open_clip").origin).parent
with gzip.open(package / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
    lines = file.read().split("\n")[1 : MERGES + 1]
text = "#version: 0.2\n" + "\n".join(lines) + "\n"
out = Path(__file__).with_name("clip_merges.txt.gz")
out.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))
