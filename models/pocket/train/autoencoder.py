"""Training the autoencoder: it starts as the mean colour of every 8x8 block, and learns the rest."""
import math
import random
import shutil
import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

import checkpoint
from linear_start import calibrate, linear_autoencoder
from pictures import BACKGROUNDS, HUES, compose, has_one_hue, recolour

PEAK = 3e-4
HELD_OUT = 32
NOISE_OF_TUNING = 0.25


def draw_picture(pictures, index, generator, scales=(0.7, 1.0), shift=8):
    rgba = pictures[index].astype(np.float32) / 255
    if generator.random() < 0.35 and has_one_hue(rgba):
        rgba = recolour(rgba, generator.choice(list(HUES)))
    background = (generator.choice(list(BACKGROUNDS.values())) if generator.random() < 0.7
                  else [generator.randint(0, 255) for _ in range(3)])
    return compose(rgba, background, generator.uniform(*scales), generator.randint(-shift, shift),
                   generator.randint(-shift, shift), generator.random() < 0.5)


def batch_of(pictures, indices, generator):
    drawn = np.stack([draw_picture(pictures, index, generator) for index in indices])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2) * 2 - 1


def gradient_loss(made, wanted):
    """Differences between neighbouring pixels, at three sizes: edges stay sharp."""
    total = 0
    for _ in range(3):
        for axis in (-1, -2):
            total = total + (made.diff(dim=axis) - wanted.diff(dim=axis)).abs().mean()
        made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
    return total


def picture_loss(made, wanted):
    return (made - wanted).abs().mean() + 0.35 * gradient_loss(made, wanted) + ((made - wanted) ** 2).mean()


@torch.no_grad()
def psnr(model, pictures, noise=0.0):
    """Mean over pictures, in dB, with noise of this spread on the latents."""
    latents = model.encode(pictures).latent_dist.mean
    latents = latents + noise * torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    error = (model.decode(latents).sample.clamp(-1, 1) - pictures).pow(2).mean((1, 2, 3))
    return (10 * torch.log10(4 / error)).mean().item()


def run(model, path, minutes, peak, step_loss, tell, log):
    """Steps until `minutes` are spent, continuing from `path` and saving there."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=peak, betas=(0.9, 0.99), weight_decay=1e-4)
    step, spent = 0, 0.0
    saved = checkpoint.load(path)
    if saved:
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["spent"]
    started, last = time.time() - spent, time.time()
    while (progress := (time.time() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 2e-6
        loss = step_loss(progress)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        step += 1
        if time.time() - last > 120:
            last = time.time()
            log(f"{(last - started) / 60:.1f} min, step {step}, {tell()}")
            checkpoint.save(path, dict(model=model.state_dict(), optimiser=optimiser.state_dict(),
                                       step=step, spent=last - started))
    log(f"step {step}, {tell()}")


def train(work, minutes, log):
    """Writes `autoencoder`: encoder and decoder, latents as they fell out."""
    torch.manual_seed(0)
    generator = random.Random(0)
    pictures = np.load(work / "everything.npy", mmap_mode="r")
    order = list(range(len(pictures)))
    generator.shuffle(order)
    held, seen = order[:HELD_OUT], order[HELD_OUT:]
    model = linear_autoencoder()
    judged = batch_of(pictures, held, random.Random(5))
    calibrate(model, judged)

    def step_loss(progress):
        # Half-size pictures are cheap and teach most; the last part sees whole ones.
        whole = generator.random() < (0.75 if progress > 0.55 else 0.12)
        batch = batch_of(pictures, generator.sample(seen, 1 if whole else 3), generator)
        batch = batch if whole else F.avg_pool2d(batch, 2)
        posterior = model.encode(batch).latent_dist
        divergence = 0.5 * (posterior.mean ** 2 + posterior.var - 1 - posterior.logvar).mean()
        return picture_loss(model.decode(posterior.sample()).sample, batch) + 5e-4 * divergence

    run(model, work / "autoencoder.pt", minutes, PEAK, step_loss,
        lambda: f"held out {psnr(model, judged):.2f} dB", log)
    model.save_pretrained(work / "autoencoder")


def tune_decoder(work, minutes, log):
    """Writes `autoencoder-final`: the decoder learns to forgive what a small denoiser leaves."""
    torch.manual_seed(1)
    generator = random.Random(3)
    pictures = np.load(work / "objects.npy", mmap_mode="r")
    model = AutoencoderKL.from_pretrained(work / "autoencoder-folded")
    model.encoder.requires_grad_(False)
    model.quant_conv.requires_grad_(False)
    judged = batch_of(pictures, generator.sample(range(len(pictures)), 24), random.Random(9))

    def step_loss(_):
        batch = batch_of(pictures, generator.choices(range(len(pictures)), k=2), generator)
        with torch.no_grad():
            latents = model.encode(batch).latent_dist.mean
        spread = torch.rand(len(batch), 1, 1, 1) * NOISE_OF_TUNING
        return picture_loss(model.decode(latents + spread * torch.randn_like(latents)).sample, batch)

    def tell():
        return ", ".join(f"{psnr(model, judged, noise):.2f} dB at noise {noise}" for noise in (0.0, 0.1, 0.2))

    log(f"before: {tell()}")
    run(model, work / "decoder.pt", minutes, 2e-4, step_loss, tell, log)
    model.save_pretrained(work / "autoencoder-final")
    for leftover in ("decoder.pt", "autoencoder.pt"):
        (work / leftover).unlink(missing_ok=True)
