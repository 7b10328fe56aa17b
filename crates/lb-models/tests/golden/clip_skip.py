"""Writes clip_skip.safetensors: the conditionings that diffusers' StableDiffusionPipeline encodes with a clip skip, for
the tiny text encoders of both families.

    python clip_skip.py

The models are those of kinds.py and compute in float64. The tensor `sd15 2` has the last prompt of kinds.py under
`clip_skip = 2` of `lb`, which is `clip_skip=1` of diffusers.
"""

from pathlib import Path
from types import SimpleNamespace

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from transformers import CLIPTextModel

from kinds import IDS, Kind

HERE = Path(__file__).parent


class Ids:
    """A tokenizer that gives the ids of kinds.py for any prompts."""

    model_max_length = len(IDS[0])
    added_tokens_encoder = {}

    def tokenize(self, prompt):
        return []

    def __call__(self, prompts, **_):
        return SimpleNamespace(input_ids=torch.tensor(IDS), attention_mask=None)


# The pipeline looks for the final layer norm where transformers had it before version 5.
CLIPTextModel.text_model = property(lambda model: model)


class Encoder(Kind):
    def write_json(self, path, values):
        pass


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tensors = {}
    for name in ("sd21", "sd15"):
        kind = Encoder(name)
        pipeline = StableDiffusionPipeline(
            vae=kind.vae,
            text_encoder=kind.text_encoder,
            tokenizer=None,
            unet=kind.unet,
            scheduler=kind.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.tokenizer = Ids()
        for skip in range(1, kind.text_encoder.config.num_hidden_layers + 1):
            encoded, _ = pipeline.encode_prompt(
                [""] * len(IDS), "cpu", 1, False, clip_skip=skip - 1 or None
            )
            tensors[f"{name} {skip}"] = encoded[2:].float().contiguous()
            print(name, skip, f"{encoded.std():.3f}")
    save_file(tensors, HERE / "clip_skip.safetensors")
