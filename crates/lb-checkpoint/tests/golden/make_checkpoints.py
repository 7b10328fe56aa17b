"""Makes the fixtures of single-file checkpoints: tiny models in all forms in which models are published.

    python make_checkpoints.py    # rewrites checkpoints/

`sd2/`, `sd1/` and `x4/` (the upscaler) each contain a model twice: as a diffusers directory, and as
`checkpoint.safetensors` with CompVis' names. `sd2/` also contains it as `checkpoint.ckpt`, together
with everything else that training leaves in such a file.

The modules in compvis/ build the names. They go through CompVis' networks in the order in which
CompVis' code builds them.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from compvis.text_encoder import clip_tensors, open_clip_tensors
from compvis.training import save_torch
from compvis.unet import unet_tensors
from compvis.vae import vae_tensors

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "reference"))
from weights import randomize

HERE = Path(__file__).parent / "checkpoints"
SEED = 21

UNET2 = dict(
    sample_size=8,
    block_out_channels=(4, 8),
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    layers_per_block=1,
    attention_head_dim=[1, 2],
    cross_attention_dim=6,
    use_linear_projection=True,
    norm_num_groups=2,
)
UNET1 = dict(
    sample_size=8,
    block_out_channels=(4,),
    down_block_types=("CrossAttnDownBlock2D",),
    up_block_types=("CrossAttnUpBlock2D",),
    layers_per_block=1,
    attention_head_dim=2,
    cross_attention_dim=6,
    norm_num_groups=2,
)
UNET4 = UNET2 | dict(
    in_channels=7,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    attention_head_dim=2,
    only_cross_attention=(True, True),
    num_class_embeds=10,
)
VAE2 = dict(
    block_out_channels=(2, 4),
    down_block_types=("DownEncoderBlock2D",) * 2,
    up_block_types=("UpDecoderBlock2D",) * 2,
    layers_per_block=1,
    norm_num_groups=2,
)
VAE1 = dict(
    block_out_channels=(2,),
    down_block_types=("DownEncoderBlock2D",),
    up_block_types=("UpDecoderBlock2D",),
    layers_per_block=1,
    norm_num_groups=1,
)
VAE4 = dict(
    block_out_channels=(2, 2, 4),
    down_block_types=("DownEncoderBlock2D",) * 3,
    up_block_types=("UpDecoderBlock2D",) * 3,
    layers_per_block=1,
    norm_num_groups=2,
    scaling_factor=0.08333,
)
TEXT = dict(
    vocab_size=14,
    hidden_size=6,
    intermediate_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=7,
    hidden_act="gelu",
    bos_token_id=12,
    eos_token_id=13,
    pad_token_id=0,
)


@torch.no_grad()
def make(name, unet, vae, text, fused):
    folder = HERE / name
    generator = torch.Generator().manual_seed(SEED)

    def draw(*shape):
        return torch.randn(*shape, generator=generator).to(torch.float16)

    unet, vae = UNet2DConditionModel(**unet), AutoencoderKL(**vae)
    text = CLIPTextModel(CLIPTextConfig(**text))
    for folder_name, model in [("unet", unet), ("vae", vae), ("text_encoder", text)]:
        randomize(model, generator)
        model.to(torch.float16).save_pretrained(folder / "diffusers" / folder_name)
    is_upscaler = unet.config.num_class_embeds is not None
    beta_start, beta_end = (0.0001, 0.02) if is_upscaler else (0.00085, 0.012)
    betas = dict(beta_start=beta_start, beta_end=beta_end, beta_schedule="scaled_linear")
    DDIMScheduler(
        **betas,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction" if fused else "epsilon",
    ).save_pretrained(folder / "diffusers" / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline"}
    if is_upscaler:
        DDPMScheduler(**betas).save_pretrained(folder / "diffusers" / "low_res_scheduler")
        index = {"_class_name": "StableDiffusionUpscalePipeline", "max_noise_level": 9}
    (folder / "diffusers" / "model_index.json").write_text(json.dumps(index) + "\n")
    tokenizer = folder / "diffusers" / "tokenizer"
    tokenizer.mkdir()
    words = ["a", "b", "c", "d", "e", "f", "a</w>", "b</w>", "c</w>", "d</w>", "e</w>", "ab</w>"]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary) + "\n")
    (tokenizer / "merges.txt").write_text("#version: 0.2\na b</w>\n")

    tensors = unet_tensors(unet) | vae_tensors(vae)
    tensors |= open_clip_tensors(text, draw) if fused else clip_tensors(text)
    stray = {"model_ema.decay": torch.tensor(0.9999), "betas": torch.linspace(0, 1, 5)}
    file = folder / "checkpoint.safetensors"
    save_file({key: value.contiguous() for key, value in (tensors | stray).items()}, file)
    if name == "sd2":
        save_torch(tensors, folder / "checkpoint.ckpt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(HERE, ignore_errors=True)
    make("sd2", UNET2, VAE2, TEXT, fused=True)
    make("x4", UNET4, VAE4, TEXT, fused=True)
    make("sd1", UNET1, VAE1, TEXT | {"hidden_act": "quick_gelu"}, fused=False)
