"""The quick autoencoder: a small `AutoencoderTiny` that learns to make what pocket's own autoencoder makes.

Its pictures come from the student: latents that four steps arrive at, and mixtures of two of them, as a film
contains them.
"""
import copy
import math
import random
import time

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

import checkpoint
import prompts
from autoencoder import picture_loss
from student import rollout
from teacher import Text, Walk

STEPS = 4
SHARD = 512
HELD_OUT = 128
# Every third of the latents is a mixture of two.
MIXED = 3
PEAK = 2e-3
# The share of the time that the encoder is trained for; the decoder has the rest.
ENCODER_SHARE = 0.15
BATCH = 8


def untrained():
    """Most of the decoder's blocks work at the size of the latents, where they cost least."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32, 32), decoder_block_out_channels=(32, 32, 32, 32),
        num_encoder_blocks=(0, 1, 2, 3), num_decoder_blocks=(6, 4, 1, 0), latent_magnitude=3)


def slerp(first, second, mix):
    """The mixture of two sets of latents, as films mix them."""
    a, b = first.double().flatten(), second.double().flatten()
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1 + 1e-7, 1 - 1e-7))
    mixed = torch.sin((1 - mix) * angle) * first.double() + torch.sin(mix * angle) * second.double()
    return (mixed / torch.sin(angle)).to(first.dtype)


@torch.no_grad()
def examples(unet, work, count, batch, device, log):
    """Latents of the student and what pocket's decoder makes of them, in shards, skipping those that exist."""
    folder = work / "decoded"
    folder.mkdir(parents=True, exist_ok=True)
    text, walk = Text(device), Walk(device)
    teacher = AutoencoderKL.from_pretrained(prompts.POCKET / "vae", torch_dtype=torch.float32).to(device).eval()
    started, latents, pictures = time.time(), [], []
    for shard in range(-(-count // SHARD)):
        file = folder / f"{shard:04}.pt"
        if not file.exists():
            generator = random.Random(2_000_000 + shard)
            noise = torch.Generator().manual_seed(2_000_000 + shard)
            ids = text.ids([prompts.draw(generator) for _ in range(SHARD)])
            start = torch.randn(SHARD, 4, 16, 16, generator=noise)
            made = []
            for first in range(0, SHARD, batch):
                conditioning = text.encode(ids[first:first + batch])
                with torch.autocast(device, torch.bfloat16):
                    made.append(rollout(unet, walk, start[first:first + batch].to(device), conditioning, STEPS)[-1])
            made = torch.cat(made).float().cpu()
            for index in range(0, SHARD, MIXED):
                other = made[(index + 1) % SHARD]
                made[index] = slerp(made[index], other, generator.uniform(0.1, 0.9))
            made = made.half()
            decoded = [((teacher.decode(part.to(device).float()).sample.clamp(-1, 1) / 2 + 0.5) * 255).round().byte().cpu()
                       for part in made.split(batch)]
            checkpoint.save(file, dict(latents=made, pictures=torch.cat(decoded)))
            log(f"{(shard + 1) * SHARD} pictures, {time.time() - started:.0f} s")
        saved = checkpoint.load(file)
        latents.append(saved["latents"])
        pictures.append(saved["pictures"])
    return torch.cat(latents)[:count], torch.cat(pictures)[:count]


def train(unet, work, count, minutes, batch, device, log):
    """Trains decoder and encoder for `minutes` of their own time, and returns the averaged autoencoder."""
    latents, pictures = examples(unet, work, count, batch, device, log)
    torch.manual_seed(0)
    model = untrained().to(device).to(memory_format=torch.channels_last).train()
    teacher = AutoencoderKL.from_pretrained(prompts.POCKET / "vae", torch_dtype=torch.float32).to(device).eval()
    judged = latents[-HELD_OUT:].to(device).float(), as_picture(pictures[-HELD_OUT:].to(device))
    count = len(latents) - HELD_OUT
    draw = torch.Generator()

    def picks():
        return torch.randint(count, (BATCH,), generator=draw)

    def decoder_loss():
        chosen = picks()
        wanted = as_picture(pictures[chosen].to(device))
        with torch.autocast(device, torch.bfloat16):
            made = model.decode(latents[chosen].to(device).float()).sample
        return picture_loss(made.float(), wanted)

    def encoder_loss():
        wanted = altered(as_picture(pictures[picks()].to(device)), draw)
        with torch.no_grad():
            goal = teacher.encode(wanted).latent_dist.mean
        with torch.autocast(device, torch.bfloat16):
            made = model.encode(wanted).latents
        return (made.float() - goal).square().mean()

    for part, loss, share in ((model.decoder, decoder_loss, 1 - ENCODER_SHARE),
                              (model.encoder, encoder_loss, ENCODER_SHARE)):
        name = "decoder" if part is model.decoder else "encoder"
        run(part, work / f"quick-{name}.pt", minutes * share, loss, draw,
            lambda: told(model, teacher, judged, name, device), lambda message, name=name: log(f"{name}: {message}"))
    return model.eval()


def altered(pictures, draw):
    """Pictures with other colours and mirrored, so that the encoder learns more than the student draws."""
    mirrored = torch.rand((), generator=draw) < 0.5
    pictures = pictures.flip(-1) if mirrored else pictures
    order = torch.randperm(3, generator=draw)
    scale = 0.4 + 0.6 * torch.rand(len(pictures), 1, 1, 1, generator=draw).to(pictures.device)
    shift = (1 - scale) * (2 * torch.rand(len(pictures), 3, 1, 1, generator=draw).to(pictures.device) - 1)
    return pictures[:, order] * scale + shift


def as_picture(data):
    return data.float() / 127.5 - 1


def run(part, path, minutes, step_loss, draw, tell, log):
    """Steps until `minutes` are spent, continuing from `path`; the averaged weights stay in `part`."""
    average = copy.deepcopy(part).eval().requires_grad_(False)
    parameters, averages = list(part.parameters()), list(average.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=PEAK, betas=(0.9, 0.99), weight_decay=1e-4)
    step, spent = 0, 0.0
    saved = checkpoint.load(path)
    if saved:
        part.load_state_dict(saved["part"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["spent"]
        log(f"resumed at step {step}, {spent / 60:.1f} minutes")
    draw.manual_seed(step)
    started, last = time.time() - spent, time.time()

    def keep():
        checkpoint.save(path, dict(part=part.state_dict(), average=average.state_dict(),
                                   optimiser=optimiser.state_dict(), step=step, spent=time.time() - started))

    def said():
        trained = copy.deepcopy(part.state_dict())
        part.load_state_dict(average.state_dict())
        message = f"step {step}, {(time.time() - started) / 60:.1f} min, {tell()}"
        part.load_state_dict(trained)
        return message

    while (progress := (time.time() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = PEAK * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5
        loss = step_loss()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        torch._foreach_lerp_(averages, parameters, 1 - min(0.998, (1 + step) / (10 + step)))
        if time.time() - last > 120:
            last = time.time()
            keep()
            log(said())
    keep()
    part.load_state_dict(average.state_dict())
    log(f"step {step}, {tell()}")


@torch.no_grad()
def told(model, teacher, judged, name, device):
    """How near held-out pictures come to those of pocket's own autoencoder, in dB."""
    latents, pictures = judged
    if name == "encoder":
        made = torch.cat([model.encode(part).latents for part in pictures.split(16)])
        goal = torch.cat([teacher.encode(part).latent_dist.mean for part in pictures.split(16)])
        return f"mean squared error of the latents {(made - goal).square().mean().item():.4f}"
    made = torch.cat([model.decode(part).sample for part in latents.split(16)]).clamp(-1, 1)
    errors = (made - pictures).square().mean((1, 2, 3))
    decibels = 10 * torch.log10(4 / errors)
    return f"held out {decibels.mean().item():.2f} dB, at least {decibels.min().item():.2f} dB"
