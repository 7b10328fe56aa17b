"""Makes the embeddings of this folder: each is the mean of two rows of pocket's token table.

    python models/pocket-embeddings/make.py

It needs torch and safetensors (reference/requirements.txt).
"""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
POCKET = HERE.parent / "pocket"
TABLE = "text_model.embeddings.token_embedding.weight"
EMBEDDINGS = {"owlpenguin": ("owl", "penguin")}


def main():
    vocabulary = json.loads((POCKET / "tokenizer/vocab.json").read_text())
    table = load_file(POCKET / "text_encoder/model.safetensors")[TABLE].float()
    for name, words in EMBEDDINGS.items():
        rows = [table[vocabulary[word + "</w>"]] for word in words]
        vector = sum(rows) / len(rows)
        save_file({"emb_params": vector[None].half()}, HERE / f"{name}.safetensors")


if __name__ == "__main__":
    main()
