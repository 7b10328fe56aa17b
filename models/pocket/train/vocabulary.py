"""A pruned CLIP vocabulary: the first merges, and every merge that a caption's words need.

Captions are split exactly as with the full vocabulary.
"""
import gzip
import json
from importlib.util import find_spec
from pathlib import Path

FIRST_MERGES = 2000
FULL_SIZE = 49152
SPECIAL = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
           "unk_token": "<|endoftext|>", "pad_token": "!"}
OTHER_WORDS = """a an the of on in with and at from to by is photo picture painting image drawing
render 3d emoji background small big large cute shiny plain icon style simple one single two bright
dark light night day portrait realistic detailed beautiful illustration cartoon color colour close
up""".split()


def byte_letters():
    """OpenAI's printable stand-in for every byte, in vocabulary order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(len(others))]


def all_merges():
    package = Path(find_spec("open_clip").origin).parent
    lines = gzip.open(package / "bpe_simple_vocab_16e6.txt.gz").read().decode().split("\n")
    return [tuple(line.split()) for line in lines[1:FULL_SIZE - 256 - 2 + 1]]


def merges_of(word, ranks):
    """The ranks of the merges that a word takes."""
    parts, used = [*word[:-1], word[-1] + "</w>"], set()
    while len(parts) > 1:
        pairs = [(ranks.get(pair, FULL_SIZE), place) for place, pair in enumerate(zip(parts, parts[1:]))]
        rank, place = min(pairs)
        if rank == FULL_SIZE:
            break
        used.add(rank)
        parts[place:place + 2] = ["".join(parts[place:place + 2])]
    return used


def build(work, folder, log):
    from captions import COLOUR_WORDS
    from pictures import BACKGROUNDS, HUES
    merges = all_merges()
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    names = json.loads((work / "objects.json").read_text())
    words = {word for name in names for word in name.split()}
    words |= {*HUES, *BACKGROUNDS, *COLOUR_WORDS, *OTHER_WORDS}
    kept = set(range(FIRST_MERGES)).union(*(merges_of(word, ranks) for word in words))
    chosen = [merges[rank] for rank in sorted(kept)]
    letters = byte_letters()
    tokens = letters + [letter + "</w>" for letter in letters]
    tokens += ["".join(pair) for pair in chosen] + ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir()
    table = {token: place for place, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(table, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in chosen)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(SPECIAL))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **SPECIAL},
        indent=1))
    log(f"{len(tokens)} tokens")
