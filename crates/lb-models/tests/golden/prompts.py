"""Writes prompts/: prompts with weights and of any length, and their conditioning in PyTorch
(reference/prompts.py).

    python prompts.py

`sd1/` and `sd2/` are text encoders of 77 positions with random weights, and their tokenizers: that of Stable
Diffusion 1 (quick GELU, padded with the end token) and of 2 (GELU, padded with another). golden.json has the
ids and weights of every prompt, and some of the conditioning's values; also for the bundled model.
"""

import json
import string
import sys
from pathlib import Path

import torch
from transformers import CLIPTextConfig, CLIPTextModel

WORKSPACE = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(WORKSPACE / "reference"))
import prompts
from weights import randomize

HERE = Path(__file__).parent / "prompts"
# Every so many values are written.
STRIDE = 29
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
MARKS = ["a", "a b", "(a) b", "((c:1.3) [b]) d", "(a:0.5)(b:-2), [[c]]", r"\(a\) [b", "(a BREAK b:1.4) c",
         "a BREAK BREAK b", "(a:0) b", "a" + " b" * 74, "a" + " b" * 75, "c," + " (d:1.2)" * 90,
         "a " * 60 + ", " + "b " * 20 + "(c) " * 70, "a, " * 100, ", ".join(["(b c d:1.15)"] * 60)]
POCKET = ["a red apple", "a (red:1.4) apple on a [blue] background", "(a green pear:0.6), ((yellow)) leaf",
          ", ".join(["a red (apple:1.2)"] * 40), "a red apple BREAK on a blue background"]


def write_tiny(name, activation, pad, seed):
    folder = HERE / name
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    letters = [*string.ascii_lowercase, ",", "(", ")"]
    tokens = [BEGIN, "!", END, *letters, *(letter + "</w>" for letter in letters)]
    (folder / "tokenizer/vocab.json").write_text(json.dumps({t: id for id, t in enumerate(tokens)}))
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n")
    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": pad}
    (folder / "tokenizer/special_tokens_map.json").write_text(json.dumps(special))
    config = CLIPTextConfig(
        vocab_size=len(tokens), hidden_size=12, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=77, hidden_act=activation,
        bos_token_id=0, eos_token_id=2, pad_token_id=tokens.index(pad),
    )
    encoder = CLIPTextModel(config)
    randomize(encoder, torch.Generator().manual_seed(seed))
    encoder.half().save_pretrained(folder / "text_encoder")


def golden(directory, texts):
    tokenizer, encoder = prompts.load(directory)
    if not (Path(directory) / "tokenizer/tokenizer_config.json").exists():
        tokenizer.pad_token = json.loads((Path(directory) / "tokenizer/special_tokens_map.json").read_text())["pad_token"]
    found = []
    for text in texts:
        parts = prompts.chunks(text, tokenizer)
        values = prompts.encode(text, tokenizer, encoder).flatten()[::STRIDE]
        found.append({
            "prompt": text,
            "ids": [id for ids, _ in parts for id in ids],
            "weights": [weight for _, weights in parts for weight in weights],
            "values": [float(f"{value:.7g}") for value in values.tolist()],
        })
    return found


def main():
    write_tiny("sd1", "quick_gelu", END, 1)
    write_tiny("sd2", "gelu", "!", 2)
    models = {"sd1": (HERE / "sd1", MARKS), "sd2": (HERE / "sd2", MARKS),
              "pocket": (WORKSPACE / "models/pocket", POCKET)}
    written = {name: golden(*model) for name, model in models.items()}
    (HERE / "golden.json").write_text(json.dumps({"stride": STRIDE, **written}) + "\n")


if __name__ == "__main__":
    main()
