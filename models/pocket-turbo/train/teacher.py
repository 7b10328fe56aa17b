"""The teacher: how the pocket model walks from noise to a picture, kept at nine points of the way."""
import random
import time

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

import checkpoint
import prompts

STEPS = 24
GUIDANCE = 4.0
# The points that are kept: the noise, and where the walks of 1, 2, 4 and 8 steps arrive.
POINTS = 8
POSITIONS = 77
SHARD = 1024


def trailing(steps):
    """Timesteps with trailing spacing: the first is always the last of the training schedule."""
    return [round(1000 - index * 1000 / steps) - 1 for index in range(steps)]


class Walk:
    """Shares of signal and noise, and steps of DDIM between timesteps; -1 is the end, without noise."""

    def __init__(self, device):
        scheduler = DDIMScheduler.from_pretrained(prompts.POCKET / "scheduler")
        alphas = torch.cat([scheduler.alphas_cumprod.double(), torch.ones(1, dtype=torch.double)])
        self.signal, self.noise = alphas.sqrt().float().to(device), (1 - alphas).sqrt().float().to(device)

    def at(self, timestep):
        return self.signal[timestep], self.noise[timestep]

    def step(self, latents, velocity, now, after):
        """The latents at timestep `after`, by the velocity predicted at `now`."""
        (a, s), (next_a, next_s) = self.at(now), self.at(after)
        return next_a * (a * latents - s * velocity) + next_s * (a * velocity + s * latents)

    def reach(self, now, after):
        """How far the arrival at `after` moves when the velocity at `now` changes by 1."""
        (a, s), (next_a, next_s) = self.at(now), self.at(after)
        return (next_a * s - next_s * a).abs()


class Text:
    """Conditioning of captions, by pocket's tokenizer and text encoder."""

    def __init__(self, device):
        self.tokenizer = CLIPTokenizer.from_pretrained(prompts.POCKET / "tokenizer")
        self.encoder = CLIPTextModel.from_pretrained(
            prompts.POCKET / "text_encoder", torch_dtype=torch.float32).to(device).eval()
        self.device = device

    def ids(self, texts):
        rows = [self.tokenizer(text, truncation=True, max_length=POSITIONS).input_ids for text in texts]
        return torch.tensor([row + [0] * (POSITIONS - len(row)) for row in rows])

    @torch.no_grad()
    def encode(self, ids):
        return self.encoder(ids.to(self.device))[0]


def load_unet(device, model=prompts.POCKET):
    """The UNet of a model directory: pocket's, unless another is named."""
    return UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32).to(device)


@torch.no_grad()
def walks(work, count, batch, device, log):
    """Makes `count` walks in shards, skipping shards that exist, and returns the points and the ids."""
    folder = work / "walks"
    folder.mkdir(parents=True, exist_ok=True)
    shards = -(-count // SHARD)
    text, walk, unet = Text(device), Walk(device), load_unet(device).eval()
    nothing = text.encode(text.ids([""]))
    timesteps = trailing(STEPS)
    started, points, ids = time.time(), [], []
    for shard in range(shards):
        file = folder / f"{shard:04}.pt"
        if not file.exists():
            generator = random.Random(1_000_000 + shard)
            noise = torch.Generator().manual_seed(1_000_000 + shard)
            shard_ids = text.ids([prompts.draw(generator) for _ in range(SHARD)])
            shard_noise = torch.randn(SHARD, 4, 16, 16, generator=noise)
            made = []
            for first in range(0, SHARD, batch):
                latents = shard_noise[first:first + batch].to(device)
                conditioning = text.encode(shard_ids[first:first + batch])
                both = torch.cat([nothing.expand(len(latents), -1, -1), conditioning])
                kept = [latents]
                for index, now in enumerate(timesteps):
                    after = timesteps[index + 1] if index + 1 < STEPS else -1
                    with torch.autocast(device, torch.bfloat16):
                        without, full = unet(latents.repeat(2, 1, 1, 1), now, both).sample.float().chunk(2)
                    latents = walk.step(latents, without + GUIDANCE * (full - without), now, after)
                    if (index + 1) % (STEPS // POINTS) == 0:
                        kept.append(latents)
                made.append(torch.stack(kept, 1).half().cpu())
            checkpoint.save(file, dict(points=torch.cat(made), ids=shard_ids.short()))
            log(f"{(shard + 1) * SHARD} walks, {time.time() - started:.0f} s")
        saved = checkpoint.load(file)
        points.append(saved["points"])
        ids.append(saved["ids"])
    return torch.cat(points)[:count], torch.cat(ids)[:count].long()
