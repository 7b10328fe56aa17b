"""Writes modes/: small films of an inpainting, a depth and an upscaling model, as diffusers and the
tree of reference/tree.py make them, one branch at a time.

    python modes.py

The weights are those of crates/lb-export/tests/golden/fixtures, schedulers and tokenizer those of
crates/lb-models/tests/golden/kinds. The models compute in float64; noise, mixes and the schedulers'
tables are float32.

    inpaint/      source.png, mask.png, and every computed frame with the kept pixels put back
    depth/        map.png, of 16 bits, and every computed frame
    upscale/      every computed frame of the second stage, every third pixel of every third row
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from diffusers.image_processor import VaeImageProcessor
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from transformers import CLIPTextModel

WORKSPACE = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(WORKSPACE / "reference"))
import branch
import tree

HERE = Path(__file__).parent / "modes"
MODELS = WORKSPACE / "crates/lb-export/tests/golden/fixtures"
KINDS = WORKSPACE / "crates/lb-models/tests/golden/kinds"
PROMPTS = ["red leaf", "blue sea", "old oak"]
SEEDS = [3, 4, 5]
GUIDANCE, DAMPER = 3.0, 0.5
MID_COMPRESSION = 1.2
STEPS = 6
FILM = [(slice(0, 3), 2), (slice(3, 6), 4)]  # --branches 2,4 --injection-steps 0,3
PAIR = [(slice(0, 3), 2), (slice(3, 6), 3)]  # 6 steps, 3 frames, depth strength 0.5
FEATHER = 3.0
NOISE_LEVEL, UPSCALE_SEED = 20, 420

VOCABULARY = json.loads((KINDS / "tokenizer/vocab.json").read_text())


def token_ids(prompt, length=11):
    words = [list(word[:-1]) + [word[-1] + "</w>"] for word in prompt.split()]
    tokens = ["<|startoftext|>"] + sum(words, []) + ["<|endoftext|>"]
    ids = [VOCABULARY[token] for token in tokens]
    return torch.tensor([ids + [0] * (length - len(ids))])


class Models:
    """A kind's models in float64: the folders of its unet, vae and text encoder."""

    def __init__(self, kind, unet, vae):
        load = lambda kind, model, part: branch.load(kind, MODELS / model / part)
        self.unet = load(UNet2DConditionModel, unet, "unet")
        self.vae = load(AutoencoderKL, vae, "vae")
        self.text_encoder = load(CLIPTextModel, "sd2", "text_encoder")
        config = json.loads((KINDS / kind / "scheduler/scheduler_config.json").read_text())
        config.pop("_class_name")
        self.scheduler = DDIMScheduler.from_config(config)
        self.scheduler.set_timesteps(STEPS)
        self.labels = torch.full((2,), NOISE_LEVEL) if kind == "upscale" else None
        self.negative = self.embed("")

    def embed(self, prompt):
        return self.text_encoder(token_ids(prompt)).last_hidden_state

    def decode(self, latents):
        return branch.decode(self.vae, latents)[0].numpy()


class Keyframe:
    def __init__(self, embedding, scale, noise, channels=None):
        self.embedding, self.scale, self.noise, self.channels = embedding, scale, noise, channels


def denoise(models, latents, pair, damper, fraction, steps):
    """Takes one branch between two keyframes through some steps."""
    left, right = pair
    embedding = tree.lerp(left.embedding, right.embedding, fraction)
    base = (1 - fraction) * left.scale + fraction * right.scale
    scale = tree.guidance_at(base, damper, fraction)
    channels = branch.mixed_channels(left.channels, right.channels, fraction)
    return branch.denoise(models, latents, models.negative, embedding, scale, channels, steps)


def film(models, keyframes, levels, damper):
    """Of each transition the fractions and latents of its computed frames."""
    trajectories = []
    for keyframe in keyframes:
        latents, ends = keyframe.noise.double(), []
        for steps, _ in levels:
            latents = denoise(models, latents, (keyframe, keyframe), 1.0, 0.0, steps)
            ends.append(latents)
        trajectories.append(ends)
    transitions = []
    for index in range(len(keyframes) - 1):
        pair = keyframes[index : index + 2]
        fractions = latents = None
        for level, (steps, count) in enumerate(levels):
            above = fractions
            fractions = tree.fixed_fractions(count, MID_COMPRESSION)
            inner = []
            for fraction in fractions[1:-1]:
                left, right, mix = tree.parents(above, fraction)
                start = tree.slerp(latents[left], latents[right], mix).double()
                inner.append(denoise(models, start, pair, damper, fraction, steps))
            left, right = [trajectory[level] for trajectory in trajectories[index : index + 2]]
            latents = [left, *inner, right]
        transitions.append((fractions, latents))
    return transitions


def once(transitions):
    """All frames of a film, a shared keyframe once."""
    return [frame for index, (_, frames) in enumerate(transitions) for frame in frames[index > 0 :]]


def keyframes(models, shape, channels=None):
    noise = lambda seed: torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return [
        Keyframe(models.embed(prompt), GUIDANCE, noise(seed), channels)
        for prompt, seed in zip(PROMPTS, SEEDS)
    ]


def smooth(shape, generator):
    coarse = torch.rand(1, 3, shape[0] // 8, shape[1] // 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=shape, mode="bilinear")[0]


def save(name, frames):
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(HERE / name / f"frame_{index:04}.png", optimize=True)
    spread = np.stack(frames).astype(float)
    clipped = np.isin(frames, [0, 255]).mean()
    print(f"{name}: {len(frames)} frames, deviation {spread.std():.1f}, {clipped:.0%} clipped")


def feathered(source, made, kept):
    """The source where it is kept, rising to what was made over the feather, by brute force."""
    places = np.stack(np.nonzero(np.ones_like(kept)), axis=1)
    nearest = np.full(len(places), np.inf)
    for place in places[kept.ravel()]:
        nearest = np.minimum(nearest, ((places - place) ** 2).sum(axis=1))
    risen = np.minimum(np.sqrt(nearest) / (FEATHER + 1), 1).reshape(kept.shape)[..., None]
    share = risen * risen * (3 - 2 * risen)
    return np.round(source * (1 - share) + made * share).astype(np.uint8)


def inpaint():
    height, width = 64, 128
    models = Models("inpaint", "sd2_inpainting", "sd2")
    generator = torch.Generator().manual_seed(31)
    source = (smooth((height, width), generator) * 255).round().byte().permute(1, 2, 0).numpy()
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - 30.0, columns - 70.0)
    gray = np.clip(255 * (45.5 - distance) / 12, 0, 255).astype(np.uint8)
    Image.fromarray(source).save(HERE / "inpaint/source.png")
    Image.fromarray(gray).save(HERE / "inpaint/mask.png")

    channels = branch.masked_channels(models.vae, source, gray)
    shape = (1, 4, height // 8, width // 8)
    frames = once(film(models, keyframes(models, shape, channels), FILM, DAMPER))
    kept = gray / 255 < 0.5
    save("inpaint", [feathered(source, models.decode(frame), kept) for frame in frames])


def depth():
    height, width = 64, 64
    models = Models("depth", "sd2_depth", "sd2")
    gray = smooth((40, 72), torch.Generator().manual_seed(32))[0].numpy()
    gray = (1000 + 60000 * gray).astype(np.uint16)
    Image.fromarray(gray).save(HERE / "depth/map.png")
    depth_map = torch.from_numpy(gray.astype(np.float32) / 65535)[None]
    channels = branch.depth_channel(depth_map, height, width)
    shape = (1, 4, height // 8, width // 8)
    frames = once(film(models, keyframes(models, shape, channels), FILM, DAMPER))
    save("depth", [models.decode(frame) for frame in frames])


def upscale():
    side = 64
    models = Models("sd21", "sd2", "sd2")
    first = film(models, keyframes(models, (1, 4, side // 8, side // 8)), FILM, DAMPER)

    upscaler = Models("upscale", "sd2_upscaler", "sd2_upscaler")
    config = json.loads((KINDS / "upscale/low_res_scheduler/scheduler_config.json").read_text())
    low_res_scheduler = DDPMScheduler.from_config(config)
    processor = VaeImageProcessor(vae_scale_factor=4, resample="bicubic")
    embeddings = [upscaler.embed(prompt) for prompt in PROMPTS]
    # One generator draws both noises, and all pictures of the film have the same.
    generator = torch.Generator().manual_seed(UPSCALE_SEED)
    low_res_noise = randn_tensor((1, 3, side, side), generator=generator)
    noise = randn_tensor((1, 4, side, side), generator=generator)
    second = []
    for index, (fractions, latents) in enumerate(first):
        for fraction, frame in list(zip(fractions, latents))[index > 0 :]:
            picture = processor.preprocess(Image.fromarray(models.decode(frame)))
            level = torch.tensor([NOISE_LEVEL])
            second.append(
                Keyframe(
                    tree.lerp(*embeddings[index : index + 2], fraction),
                    tree.guidance_at(GUIDANCE, DAMPER, fraction),
                    noise,
                    low_res_scheduler.add_noise(picture, low_res_noise, level),
                )
            )
    frames = once(film(upscaler, second, PAIR, 1.0))
    save("upscale", [upscaler.decode(frame)[::3, ::3] for frame in frames])


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shutil.rmtree(HERE, ignore_errors=True)
    for name in ["inpaint", "depth", "upscale"]:
        (HERE / name).mkdir(parents=True)
    inpaint()
    depth()
    upscale()
