"""Prompts with weights and of any length, as Stable Diffusion's web UI reads them, in plain PyTorch.

    python prompts.py MODEL_DIRECTORY "a (red:1.3) apple, [small]"

prints the weight of every token, chunk by chunk. `encode` computes the conditioning. The rules:

- (x) weighs 1.1 times as much, [x] 1 / 1.1, (x:1.3) 1.3 times; brackets inside brackets multiply, an open one
  counts to the end, and a backslash makes a bracket text;
- BREAK ends a chunk; a chunk holds 75 tokens between its begin and its end token; a full one ends after
  its last comma if at most 20 tokens lie behind the comma's place;
- the encoder's last states are multiplied by the weights, then the chunk by one factor, so that the mean
  of all its values is the same as before.
"""

import re
import sys
from pathlib import Path

import torch
from transformers import CLIPTextModel, CLIPTokenizer

MARK = re.compile(r"\\[()\[\]\\<]|[()\[\]]|:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)")
LOOK_BACK = 20


def parse(prompt):
    """A list of [text, weight], and of None for every break."""
    pieces, opened, at = [], [], 0

    def add(text):
        for index, part in enumerate(re.split(r"\s*\bBREAK\b\s*", text)):
            if index:
                pieces.append(None)
            if part:
                pieces.append([part, 1.0])

    def close(bracket, factor):
        places = [place for place, (kind, _) in enumerate(opened) if kind == bracket]
        if not places:
            return False
        _, first = opened.pop(places[-1])
        for piece in pieces[first:]:
            if piece:
                piece[1] *= factor
        return True

    for mark in MARK.finditer(prompt):
        add(prompt[at : mark.start()])
        at = mark.end()
        text = mark.group()
        if text in "([":
            opened.append((text, len(pieces)))
        elif text.startswith("\\"):
            add(text[1])
        elif text.startswith(":"):
            if not close("(", float(mark.group(1))):
                add(text)
        elif not close("(" if text == ")" else "[", 1.1 if text == ")" else 1 / 1.1):
            add(text)
    add(prompt[at:])
    for bracket in [bracket for bracket, _ in reversed(opened)]:
        close(bracket, 1.1 if bracket == "(" else 1 / 1.1)
    merged = []
    for piece in pieces:
        if piece and merged and merged[-1] and merged[-1][1] == piece[1]:
            merged[-1][0] += piece[0]
        else:
            merged.append(piece)
    return merged


def chunks(prompt, tokenizer, length=77):
    """The ids and the weights of every chunk."""
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    done, now = [], []

    def finish(tokens):
        ids = [begin, *(token for token, _ in tokens), end]
        weights = [1.0, *(weight for _, weight in tokens), 1.0]
        padding = length - len(ids)
        done.append((ids + [tokenizer.pad_token_id] * padding, weights + [1.0] * padding))

    for piece in parse(prompt):
        if piece is None:
            finish(now)
            now = []
            continue
        for token in tokenizer(piece[0], add_special_tokens=False).input_ids:
            if len(now) == length - 2:
                commas = [place for place, (id, _) in enumerate(now) if id == comma and place > 0]
                keep = len(now)
                if token != comma and commas and len(now) - commas[-1] <= LOOK_BACK:
                    keep = commas[-1] + 1
                finish(now[:keep])
                now = now[keep:]
            now.append((token, piece[1]))
    if now or not done:
        finish(now)
    return done


@torch.no_grad()
def encode(prompt, tokenizer, encoder):
    """The conditioning [tokens, width] in float64."""
    states = []
    for ids, weights in chunks(prompt, tokenizer, encoder.config.max_position_embeddings):
        state = encoder(torch.tensor([ids])).last_hidden_state[0].double()
        weighted = state * torch.tensor(weights, dtype=torch.float64)[:, None]
        states.append(weighted * (state.mean() / weighted.mean()))
    return torch.cat(states)


def load(directory):
    tokenizer = CLIPTokenizer.from_pretrained(Path(directory) / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(Path(directory) / "text_encoder", dtype=torch.float64)
    return tokenizer, encoder.eval()


def main():
    directory, prompt = sys.argv[1:]
    tokenizer = CLIPTokenizer.from_pretrained(Path(directory) / "tokenizer")
    for ids, weights in chunks(prompt, tokenizer):
        tokens = tokenizer.convert_ids_to_tokens(ids)
        end = ids.index(tokenizer.eos_token_id)
        print(" ".join(f"{t}*{w:.3g}" for t, w in zip(tokens[1:end], weights[1:end])))


if __name__ == "__main__":
    main()
