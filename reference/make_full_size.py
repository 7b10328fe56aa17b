"""A model directory of Stable Diffusion 2.1's full size with random weights: for measurements.

    python make_full_size.py FOLDER --tokenizer FOLDER [--dtype float32|float16] [--noise-from cpu|cuda]

The shapes are those of the published configurations (865.9 million parameters in the UNet); the
numbers are noise of a size that keeps activations near 1, so nothing can be seen in its pictures.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from weights import randomize

SEED = 21
UNET = dict(
    sample_size=96,
    block_out_channels=(320, 640, 1280, 1280),
    down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    attention_head_dim=[5, 10, 20, 20],
    cross_attention_dim=1024,
    use_linear_projection=True,
    upcast_attention=True,
)
VAE = dict(
    block_out_channels=(128, 256, 512, 512),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=2,
    sample_size=768,
)
TEXT = dict(
    vocab_size=49408,
    hidden_size=1024,
    intermediate_size=4096,
    num_hidden_layers=23,
    num_attention_heads=16,
    hidden_act="gelu",
    bos_token_id=49406,
    eos_token_id=49407,
    pad_token_id=0,
)
SCHEDULER = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    prediction_type="v_prediction",
    steps_offset=1,
    set_alpha_to_one=False,
    clip_sample=False,
)
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a tokenizer's folder")
    parser.add_argument("--dtype", choices=["float32", "float16"], default="float32")
    parser.add_argument(
        "--noise-from", choices=["cpu", "cuda"], default="cpu",
        help="what draws the random numbers: a GPU is faster and draws others",
    )
    settings = parser.parse_args()
    device = torch.device(settings.noise_from)
    dtype = getattr(torch, settings.dtype)
    for name, make in [
        ("text_encoder", lambda: CLIPTextModel(CLIPTextConfig(**TEXT))),
        ("vae", lambda: AutoencoderKL(**VAE)),
        ("unet", lambda: UNet2DConditionModel(**UNET)),
    ]:
        with device:
            model = make()
        randomize(model, torch.Generator(device).manual_seed(SEED))
        count = sum(parameter.numel() for parameter in model.parameters())
        print(f"{name}: {count / 1e6:.1f} million parameters", flush=True)
        # One file, however large.
        model.to(dtype).save_pretrained(settings.folder / name, max_shard_size="20GB")
        del model
    DDIMScheduler(**SCHEDULER).save_pretrained(settings.folder / "scheduler")
    shutil.copytree(settings.tokenizer, settings.folder / "tokenizer", dirs_exist_ok=True)
    (settings.folder / "model_index.json").write_text(json.dumps(INDEX, indent=2) + "\n")


if __name__ == "__main__":
    main()
