"""Latent blending with diffusers, one branch at a time: see README.md beside this file."""

import time

BEGUN = time.perf_counter()

import argparse
import json
import resource
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextModel, CLIPTokenizer

import samplers
import tree

IMPORTED = time.perf_counter()


def arguments():
    numbers = lambda text: [int(number) for number in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompts", nargs="+", metavar="PROMPT")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--frames-dir", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--branches", type=numbers, required=True)
    parser.add_argument("--injection-steps", type=numbers, required=True)
    parser.add_argument("--spacing", choices=["perceptual", "fixed"], default="perceptual")
    parser.add_argument("--mid-compression", type=float, default=1.2)
    parser.add_argument("--seed", type=numbers, help="one a keyframe; default 0,1,2,…")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--guidance-scale", type=float, default=4.0)
    parser.add_argument("--guidance-damper", type=float, default=0.5)
    parser.add_argument("--sampler", choices=sorted(samplers.SAMPLERS), default="ddim")
    parser.add_argument("--size", help="width and height in pixels, as 512 or 1280x720")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


class Models:
    """Everything in the model directory, in float32."""

    def __init__(self, directory, sampler):
        load = lambda kind, part: kind.from_pretrained(
            directory, subfolder=part, torch_dtype=torch.float32, low_cpu_mem_usage=False
        ).eval()
        self.tokenizer = CLIPTokenizer.from_pretrained(directory, subfolder="tokenizer")
        self.text_encoder = load(CLIPTextModel, "text_encoder")
        self.unet = load(UNet2DConditionModel, "unet")
        self.vae = load(AutoencoderKL, "vae")
        self.sampler = samplers.SAMPLERS[sampler](directory)

    def embed(self, prompt):
        length = self.text_encoder.config.max_position_embeddings
        ids = self.tokenizer(
            prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids
        return self.text_encoder(ids).last_hidden_state

    def decode(self, latents):
        picture = self.vae.decode(latents / self.vae.config.scaling_factor).sample[0]
        return (picture / 2 + 0.5).clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()


    def channel_weights(self):
        """How strongly each latent channel shows: pictures of a noise, changed channel by channel."""
        shape = (1, self.unet.config.in_channels, 16, 16)
        base, change = (torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
        pictures = [self.decode(base)]
        for channel in range(shape[1]):
            probe = base.clone()
            probe[:, channel] += 0.3 * change[:, channel]
            pictures.append(self.decode(probe))
        changes = [((p.astype(float) - pictures[0]) ** 2).sum() for p in pictures[1:]]
        return torch.tensor(changes, dtype=torch.float64) / (sum(changes) / len(changes))




class Transition:
    """One pair of keyframes."""

    def __init__(self, models, settings, embeddings, negative):
        self.models, self.settings = models, settings
        self.embeddings, self.negative = embeddings, negative

    def step(self, latents, prediction, fraction, step):
        """Takes one branch through one step; its latents, and its prediction of them clean."""
        sampler, settings = self.models.sampler, self.settings
        embedding = tree.lerp(*self.embeddings, fraction)
        scale = tree.guidance_at(settings.guidance_scale, settings.guidance_damper, fraction)
        guided = scale != 1.0
        conditioning = torch.cat([self.negative, embedding]) if guided else embedding
        rows = torch.cat([latents, latents]) if guided else latents
        timestep = sampler.timesteps[step]
        output = self.models.unet(rows, timestep, encoder_hidden_states=conditioning).sample
        if guided:
            unconditional, conditional = output.chunk(2)
            output = unconditional + scale * (conditional - unconditional)
        sampler.resume(step, prediction)
        return sampler.step(output, timestep, latents)

    def run(self, keyframes, levels, channel_weights):
        """`keyframes`: latents and predictions of both ends after every step."""
        perceptual = self.settings.spacing == "perceptual"
        fractions, latents, predictions = None, None, None
        for steps, count in levels:
            for step in range(steps.start, steps.stop):
                inner = []
                if step > 0 and (step == steps.start or perceptual):
                    known = fractions
                    distances = None
                    if perceptual:
                        distances = tree.distances(predictions, channel_weights)
                        fractions = tree.perceptual_fractions(count, known, distances)
                    else:
                        fractions = tree.fixed_fractions(count, self.settings.mid_compression)
                    for fraction in fractions[1:-1]:
                        parents = tree.parents(known, fraction)
                        inner.append(self.place(latents, predictions, parents, distances, step))
                elif step > 0:
                    inner = list(zip(latents, predictions))[1:-1]
                else:
                    fractions = [0.0, 1.0]
                inner = [
                    self.step(*branch, fraction, step)
                    for branch, fraction in zip(inner, fractions[1:-1])
                ]
                left, right = (keyframe[step] for keyframe in keyframes)
                latents, predictions = zip(left, *inner, right)
        return latents

    def place(self, latents, predictions, parents, distances, step):
        """Where a branch starts from the branches that are known."""
        if self.settings.spacing == "perceptual":
            sampler = self.models.sampler
            alpha = float(sampler.scheduler.alphas_cumprod[int(sampler.timesteps[step])])
            return tree.on_curve(latents, predictions, parents, distances, alpha)
        left, right, mix = parents
        return (
            tree.slerp(latents[left], latents[right], mix),
            tree.lerp(predictions[left], predictions[right], mix),
        )


def render(models, settings):
    models.sampler.set_steps(settings.steps)
    bounds = settings.injection_steps + [settings.steps]
    levels = [
        (slice(first, last), count)
        for first, last, count in zip(bounds, bounds[1:], settings.branches)
    ]
    factor = 2 ** (len(models.vae.config.block_out_channels) - 1)
    if settings.size:
        width, _, height = settings.size.partition("x")
        sides = (int(height or width) // factor, int(width) // factor)
    else:
        sides = 2 * (models.unet.config.sample_size,)
    shape = (1, models.unet.config.in_channels, *sides)
    embeddings = [models.embed(prompt) for prompt in settings.prompts]
    negative = models.embed(settings.negative_prompt)

    keyframes = []
    for seed, embedding in zip(settings.seed, embeddings):
        alone = Transition(models, settings, (embedding, embedding), negative)
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        latents = latents * models.sampler.initial_noise
        trajectory, prediction = [], None
        for step in range(settings.steps):
            latents, prediction = alone.step(latents, prediction, 0.0, step)
            trajectory.append((latents, prediction))
        keyframes.append(trajectory)

    pictures = []
    channel_weights = models.channel_weights() if settings.spacing == "perceptual" else None
    for index in range(len(keyframes) - 1):
        transition = Transition(models, settings, embeddings[index : index + 2], negative)
        latents = transition.run(keyframes[index : index + 2], levels, channel_weights)
        # A keyframe that two transitions share stands once.
        pictures += [models.decode(frame) for frame in latents[index > 0 :]]
    return pictures


def main():
    settings = arguments()
    settings.seed = settings.seed or list(range(len(settings.prompts)))
    torch.set_num_threads(settings.threads)
    models = Models(settings.model, settings.sampler)
    loaded = time.perf_counter()
    with torch.inference_mode():
        pictures = render(models, settings)
    settings.frames_dir.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(settings.frames_dir / f"frame_{index:04}.png")
    rendered = time.perf_counter()
    seconds = {
        "imports": IMPORTED - BEGUN,
        "load": loaded - IMPORTED,
        "render": rendered - loaded,
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"frames": len(pictures), "seconds": seconds, "peak_memory": peak}))


if __name__ == "__main__":
    main()
