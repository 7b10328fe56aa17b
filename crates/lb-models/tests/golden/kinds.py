"""Writes kinds/: for every kind of Stable Diffusion model what its directory has beside weights,
what diffusers' pipelines make of a mask, a depth map and a small picture, and a transition of three
frames, computed one branch at a time as reference/render_sequential.py does.

    python kinds.py

The weights are those of crates/lb-export/tests/golden/fixtures. The models compute in float64; noise,
mixes and the schedulers' tables are float32. `tokenizer/` is every kind's. Per kind:

    golden.safetensors  token ids, seeds, inputs of one channel, concatenated channels, latents
    inputs.png          its pictures (source, or two of low resolution), one below the other
    frames.png          its three frames, one below the other
"""

import json
import shutil
import string
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from diffusers.image_processor import VaeImageProcessor
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPTextModel

WORKSPACE = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(WORKSPACE / "reference"))
import branch
import tree

HERE = Path(__file__).parent / "kinds"
MODELS = WORKSPACE / "crates/lb-export/tests/golden/fixtures"
HEIGHT, WIDTH = 8, 16  # of the latents
STEPS, LEVELS = 6, [(slice(0, 3), 2), (slice(3, 6), 3)]
GUIDANCE, DAMPER = 3.0, 0.5
SEEDS = [11, 12]
NOISE_LEVEL = 20
IDS = [[0] + [2] * 10, [0, 5, 17, 23] + [2] * 7, [0, 31, 8, 8, 39, 12] + [2] * 5]

SD2 = dict(
    _class_name="DDIMScheduler",
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    steps_offset=1,
    set_alpha_to_one=False,
    clip_sample=False,
)
UPSCALER = SD2 | dict(beta_start=0.0001, beta_end=0.02, prediction_type="v_prediction")
LOW_RES = dict(
    _class_name="DDPMScheduler", beta_start=0.0001, beta_end=0.02, beta_schedule="scaled_linear"
)
PIPELINE = "StableDiffusionPipeline"
# The pipeline's class, the folders of unet, vae and text encoder, and the scheduler.
KINDS = {
    "sd21": (PIPELINE, ["sd2"] * 3, SD2 | dict(prediction_type="v_prediction")),
    "sd21_base": (PIPELINE, ["sd2"] * 3, SD2 | dict(prediction_type="epsilon")),
    "sd15": (PIPELINE, ["sd1"] * 3, SD2 | dict(_class_name="PNDMScheduler")),
    "inpaint": ("StableDiffusionInpaintPipeline", ["sd2_inpainting", "sd2", "sd2"], SD2),
    "depth": (
        "StableDiffusionDepth2ImgPipeline",
        ["sd2_depth", "sd2", "sd2"],
        SD2 | dict(prediction_type="epsilon"),
    ),
    "upscale": (
        "StableDiffusionUpscalePipeline",
        ["sd2_upscaler", "sd2_upscaler", "sd2"],
        UPSCALER,
    ),
}


class Kind:
    """One kind's models, in float64, and what is written of it."""

    def __init__(self, name):
        self.name = name
        self.folder = HERE / name
        pipeline, (unet, vae, text_encoder), scheduler = KINDS[name]
        load = lambda kind, model, part: branch.load(
            kind, MODELS / model / part, variant="fp16" if model == "sd1" else None
        )
        self.unet = load(UNet2DConditionModel, unet, "unet")
        self.vae = load(AutoencoderKL, vae, "vae")
        self.text_encoder = load(CLIPTextModel, text_encoder, "text_encoder")
        self.labels = torch.full((2,), NOISE_LEVEL) if name == "upscale" else None
        self.scheduler = DDIMScheduler.from_config(
            {key: value for key, value in scheduler.items() if key != "_class_name"}
        )
        self.scheduler.set_timesteps(STEPS)
        self.generator = torch.Generator().manual_seed(30)
        self.tensors = {"input_ids": torch.tensor(IDS), "seeds": torch.tensor(SEEDS)}
        self.pictures = []
        index = {"_class_name": pipeline}
        if name == "upscale":
            index["max_noise_level"] = 350
            self.write_json("low_res_scheduler/scheduler_config.json", LOW_RES)
        self.write_json("model_index.json", index)
        self.write_json("scheduler/scheduler_config.json", scheduler)

    def write_json(self, path, values):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values, indent=1) + "\n")

    def picture(self, height, width):
        """Smooth colours, so that no pixel stands for its neighbours by chance."""
        coarse = torch.rand(1, 3, height // 4, width // 4, generator=self.generator)
        smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
        pixels = (smooth[0] * 255).round().byte().permute(1, 2, 0).numpy()
        self.pictures.append(pixels)
        return pixels

    def noise(self):
        shape = (1, self.vae.config.latent_channels, HEIGHT, WIDTH)
        if self.name != "upscale":
            return [torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in SEEDS]
        # One generator draws both noises, and all pictures have the same.
        generator = torch.Generator().manual_seed(SEEDS[0])
        self.low_res_noise = randn_tensor((1, 3, HEIGHT, WIDTH), generator=generator)
        latents = randn_tensor(shape, generator=generator)
        return [latents, latents]

    def concatenated(self):
        """Of both keyframes, as diffusers' pipelines prepare them."""
        if self.name == "inpaint":
            return [self.masked()] * 2
        if self.name == "depth":
            return [self.depth(45, 37), self.depth(96, 200)]
        if self.name == "upscale":
            return [self.low_res(), self.low_res()]
        return [None, None]

    def masked(self):
        height, width = 8 * HEIGHT, 8 * WIDTH
        source = self.picture(height, width)
        gray = (torch.rand(height, width, generator=self.generator) * 255).byte().numpy()
        gray[:20] //= 3  # kept
        gray[40:] = 255 - gray[40:] // 3  # repainted
        self.tensors["mask"] = torch.from_numpy(gray).float() / 255
        return branch.masked_channels(self.vae, source, gray)

    def depth(self, height, width):
        coarse = torch.rand(1, 1, 5, 7, generator=self.generator)
        size = (height, width)
        depth = 300 + 900 * torch.nn.functional.interpolate(coarse, size=size, mode="bicubic")[0]
        self.tensors[f"depth_map_{sum('depth_map' in name for name in self.tensors)}"] = depth[0]
        return branch.depth_channel(depth, 8 * HEIGHT, 8 * WIDTH)

    def low_res(self):
        picture = Image.fromarray(self.picture(HEIGHT, WIDTH))
        picture = VaeImageProcessor(vae_scale_factor=4, resample="bicubic").preprocess(picture)
        level = torch.tensor([NOISE_LEVEL])
        return DDPMScheduler.from_config(LOW_RES).add_noise(picture, self.low_res_noise, level)

    def denoise(self, latents, fraction, steps):
        """Takes one branch through some steps."""
        embedding = tree.lerp(*self.embeddings[1:], fraction)
        scale = tree.guidance_at(GUIDANCE, DAMPER, fraction)
        channels = branch.mixed_channels(*self.channels, fraction)
        negative = self.embeddings[0]
        return branch.denoise(self, latents, negative, embedding, scale, channels, steps)

    def transition(self):
        self.embeddings = self.text_encoder(torch.tensor(IDS)).last_hidden_state.chunk(3)
        noise = self.noise()
        self.channels = self.concatenated()
        if self.channels[0] is not None:
            self.tensors["concatenated"] = torch.cat(self.channels)
        first, second = [steps for steps, _ in LEVELS]
        ends = [self.denoise(start.double(), f, first) for f, start in zip([0.0, 1.0], noise)]
        middle = self.denoise(tree.slerp(*ends, 0.5), 0.5, second)
        left, right = [self.denoise(end, f, second) for f, end in zip([0.0, 1.0], ends)]
        return torch.cat([left, middle, right])

    def run(self):
        latents = self.transition()
        self.tensors["latents"] = latents
        frames = branch.decode(self.vae, latents)
        clipped = ((frames == 0) | (frames == 255)).double().mean()
        print(
            f"{self.name}: latents {latents.std():.2f}, frames {frames.double().std():.1f}, "
            f"{clipped:.0%} clipped, apart {(frames[0].double() - frames[2]).abs().mean():.1f}"
        )
        save_pictures(self.folder / "frames.png", frames.numpy())
        if self.pictures:
            save_pictures(self.folder / "inputs.png", np.stack(self.pictures))
        tensors = {
            name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous()
            for name, tensor in self.tensors.items()
        }
        save_file(tensors, self.folder / "golden.safetensors")


def save_pictures(path, pictures):
    """Writes pictures [count, height, width, 3] of 8 bits a channel, one below the other."""
    count, height, width, channels = pictures.shape
    stacked = np.ascontiguousarray(pictures).reshape(count * height, width, channels)
    Image.fromarray(stacked).save(path, optimize=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shutil.rmtree(HERE, ignore_errors=True)
    for name in KINDS:
        Kind(name).run()
    # For prompts of these letters; crates/lb-render/tests/golden/modes.py has some.
    tokenizer = HERE / "tokenizer"
    tokenizer.mkdir()
    letters = string.ascii_lowercase[:23]
    tokens = ["<|startoftext|>", "!", "<|endoftext|>", *letters]
    tokens += [letter + "</w>" for letter in letters]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary) + "\n")
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
