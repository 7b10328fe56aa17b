"""Writes checkpoint_shapes.json.gz: the names and shapes of the tensors of full-size checkpoints.

    python make_checkpoint_shapes.py

The configurations are the published ones. The modules in compvis/ build the names.
"""

import gzip
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from compvis.text_encoder import clip_tensors, open_clip_tensors
from compvis.unet import unet_tensors
from compvis.vae import vae_tensors

HERE = Path(__file__).parent


def full_shapes():
    """Writes the names and shapes that follow from the published configurations."""
    down = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    sd2 = dict(
        block_out_channels=(320, 640, 1280, 1280),
        down_block_types=down,
        up_block_types=up,
        attention_head_dim=[5, 10, 20, 20],
        cross_attention_dim=1024,
        use_linear_projection=True,
    )
    sd1 = sd2 | dict(attention_head_dim=8, cross_attention_dim=768, use_linear_projection=False)
    x4 = sd2 | dict(
        in_channels=7,
        block_out_channels=(256, 512, 512, 1024),
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3 + ("UpBlock2D",),
        attention_head_dim=8,
        only_cross_attention=(True, True, True, False),
        num_class_embeds=1000,
    )
    vae = dict(layers_per_block=2)

    def vae_of(*channels):
        blocks = len(channels)
        return vae | dict(
            block_out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * blocks,
            up_block_types=("UpDecoderBlock2D",) * blocks,
        )

    open_clip = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23)
    clip = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    models = {
        "sd1": (sd1, vae_of(128, 256, 512, 512), clip),
        "sd2": (sd2, vae_of(128, 256, 512, 512), open_clip),
        "x4": (x4, vae_of(128, 256, 512), open_clip),
    }
    shapes = {}
    for name, (unet, vae, text) in models.items():
        with torch.device("meta"):
            unet, vae = UNet2DConditionModel(**unet), AutoencoderKL(**vae)
            text = CLIPTextModel(CLIPTextConfig(**text))
            tensors = unet_tensors(unet) | vae_tensors(vae)
            if name == "sd1":
                tensors |= clip_tensors(text)
            else:
                tensors |= open_clip_tensors(text, lambda *shape: torch.empty(*shape))
        shapes[name] = {key: list(value.shape) for key, value in tensors.items()}
    text = json.dumps(shapes, sort_keys=True).encode()
    (HERE / "checkpoint_shapes.json.gz").write_bytes(gzip.compress(text, compresslevel=9, mtime=0))


if __name__ == "__main__":
    full_shapes()
