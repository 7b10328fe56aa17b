"""Trains ../neon.safetensors: a LoRA with which the pocket model draws neon signs at night.

    python neon.py [--steps 400] [--work FOLDER]

It needs torch, diffusers and transformers (reference/requirements.txt) and about five minutes on one
core. The pictures to learn from are pocket's own: `draw` draws its objects, `neon` turns each into a sign by
image processing, and `train` learns low-rank changes of the UNet's transformers. Each stage keeps its result in
the work folder and is skipped if it is there; `train` continues from its last checkpoint.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image, ImageFilter
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

HERE = Path(__file__).parent
POCKET = HERE.parents[1] / "pocket"
OBJECTS = (POCKET / "train" / "objects.txt").read_text()
SEED = 15
EACH = 2  # pictures of every object
RANK = 16
BATCH = 12
RATE = 2e-3
DROPPED = 0.1  # share of captions that are replaced by the empty one
NIGHT = np.array([12, 10, 34], np.float32)


class Pocket:
    def __init__(self):
        self.unet = UNet2DConditionModel.from_pretrained(POCKET, subfolder="unet").float()
        self.vae = AutoencoderKL.from_pretrained(POCKET, subfolder="vae").float()
        self.text = CLIPTextModel.from_pretrained(POCKET, subfolder="text_encoder").float()
        self.tokenizer = CLIPTokenizer.from_pretrained(POCKET, subfolder="tokenizer")
        self.scheduler = DDIMScheduler.from_pretrained(POCKET, subfolder="scheduler")
        for part in (self.unet, self.vae, self.text):
            part.requires_grad_(False).eval()

    @torch.no_grad()
    def encode(self, captions):
        ids = self.tokenizer(
            captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
        ).input_ids
        return self.text(ids)[0]

    @torch.no_grad()
    def draw(self, captions, seeds, steps=10, guidance=3.0):
        text = torch.cat([self.encode([""] * len(captions)), self.encode(captions)])
        noise = [torch.randn(4, 16, 16, generator=torch.manual_seed(seed)) for seed in seeds]
        latents = torch.stack(noise)
        self.scheduler.set_timesteps(steps)
        for timestep in self.scheduler.timesteps:
            both = self.unet(torch.cat([latents] * 2), timestep, text).sample
            without, with_text = both.chunk(2)
            output = without + guidance * (with_text - without)
            latents = self.scheduler.step(output, timestep, latents).prev_sample
        return self.decode(latents)

    @torch.no_grad()
    def decode(self, latents):
        decoded = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy()


def objects():
    return [name for name in OBJECTS.replace("\n", ",").split(",") if name]


def neon(picture):
    """A picture as a neon sign: its edges shine in their own hue, and the rest is night."""
    image = Image.fromarray(picture.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.6))
    smooth = np.asarray(image, np.float32)
    across = np.zeros_like(smooth)
    down = np.zeros_like(smooth)
    across[:, 1:-1] = smooth[:, 2:] - smooth[:, :-2]
    down[1:-1] = smooth[2:] - smooth[:-2]
    # Differences of all channels, so that edges between colours of one brightness count too.
    edges = np.sqrt((across**2 + down**2).sum(2))
    edges[:3] = edges[-3:] = 0
    edges[:, :3] = edges[:, -3:] = 0
    edges = np.clip((edges - 9) / 40, 0, 1)
    # The hue of a line is that of the most colourful pixel beside it.
    colourful = smooth.max(2) - smooth.min(2)
    hue = smooth.copy()
    best = colourful.copy()
    for y in range(-4, 5):
        for x in range(-4, 5):
            moved = np.roll(colourful, (y, x), (0, 1))
            better = moved > best
            hue[better] = np.roll(smooth, (y, x), (0, 1))[better]
            best = np.maximum(best, moved)
    low, high = hue.min(2, keepdims=True), hue.max(2, keepdims=True)
    pure = (hue - low) / np.maximum(high - low, 1)
    pure = np.where(high - low < 28, np.array([0.35, 0.85, 1.0], np.float32), pure)
    light = pure * 255 * edges[..., None]

    def blurred(radius):
        image = Image.fromarray(light.clip(0, 255).astype(np.uint8))
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)

    core = (edges**3)[..., None] * 110
    sign = NIGHT + light * 0.95 + core + 0.9 * blurred(3) + 0.8 * blurred(9)
    return np.clip(sign, 0, 255)


def draw(pocket, work):
    names = objects()
    captions = [name for name in names for _ in range(EACH)]
    pictures = []
    for start in range(0, len(captions), 24):
        part = captions[start : start + 24]
        pictures.append(pocket.draw(part, [SEED * 1000 + start + at for at in range(len(part))]))
        print(f"drew {start + len(part)} of {len(captions)}", flush=True)
    pictures = np.concatenate(pictures)
    signs = np.stack([neon(picture) for picture in pictures]).astype(np.uint8)
    np.savez(work / "pictures.npz", pictures=pictures.astype(np.uint8), signs=signs)
    (work / "captions.json").write_text(json.dumps(captions))
    sheet = np.concatenate([np.concatenate(list(rows[:12]), 1) for rows in (pictures[::7], signs[::7])])
    Image.fromarray(sheet.astype(np.uint8)).save(work / "signs.png")


def encode(pocket, work):
    signs = torch.tensor(np.load(work / "pictures.npz")["signs"]).permute(0, 3, 1, 2) / 127.5 - 1
    signs = torch.cat([signs, signs.flip(3)])
    with torch.no_grad():
        parts = [pocket.vae.encode(part).latent_dist.mean for part in signs.split(24)]
    latents = torch.cat(parts) * pocket.vae.config.scaling_factor
    captions = json.loads((work / "captions.json").read_text())
    known = list(dict.fromkeys([*captions, ""]))
    text = torch.cat([pocket.encode(known[at : at + 24]) for at in range(0, len(known), 24)])
    places = torch.tensor([known.index(caption) for caption in captions] * 2)
    save_file({"latents": latents.contiguous(), "text": text, "places": places}, work / "latents.safetensors")
    back = np.concatenate(list(pocket.decode(latents[:84:7])), 1)
    Image.fromarray(back.astype(np.uint8)).save(work / "decoded.png")


class LowRank(nn.Module):
    """A linear layer with a low-rank change beside it."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.down = nn.Linear(layer.in_features, RANK, bias=False)
        self.up = nn.Linear(RANK, layer.out_features, bias=False)
        nn.init.normal_(self.down.weight, std=1 / RANK)
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


def adapt(unet):
    """Puts a low-rank change beside every linear layer of the UNet's transformers."""
    changes = {}
    for name, module in list(unet.named_modules()):
        if isinstance(module, nn.Linear) and ".attentions." in name:
            change = LowRank(module)
            parent, own = name.rsplit(".", 1)
            setattr(unet.get_submodule(parent), own, change)
            changes[name] = change
    return changes


def weights(changes):
    tensors = {}
    for name, change in changes.items():
        tensors[f"unet.{name}.lora_A.weight"] = change.down.weight.detach()
        tensors[f"unet.{name}.lora_B.weight"] = change.up.weight.detach()
    return tensors


def train(pocket, work, steps):
    torch.manual_seed(SEED)
    changes = adapt(pocket.unet)
    averaged = {name: tensor.clone() for name, tensor in weights(changes).items()}
    parameters = [part for change in changes.values() for part in (change.down.weight, change.up.weight)]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=1e-2)
    step = 0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        kept = torch.load(checkpoint)
        step, averaged = kept["step"], kept["averaged"]
        optimizer.load_state_dict(kept["optimizer"])
        for part, value in zip(parameters, kept["parameters"]):
            part.data.copy_(value)
    data = load_file(work / "latents.safetensors")
    latents, text, places = data["latents"], data["text"], data["places"]
    empty = text[-1]
    alphas = pocket.scheduler.alphas_cumprod
    losses = []
    while step < steps:
        random = torch.Generator().manual_seed(SEED * 1_000_000 + step)
        chosen = torch.randint(len(latents), (BATCH,), generator=random)
        strata = (torch.arange(BATCH) + torch.rand(BATCH, generator=random)) / BATCH
        timesteps = (strata * len(alphas)).long()
        clean = latents[chosen]
        noise = torch.randn(clean.shape, generator=random)
        conditioning = text[places[chosen]].clone()
        conditioning[torch.rand(BATCH, generator=random) < DROPPED] = empty
        alpha = alphas[timesteps].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        target = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, (step + 1) / 20) * max(0.05, 1 - step / steps)
        loss = F.mse_loss(pocket.unet(noisy, timesteps, conditioning).sample, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay = min(0.98, (step + 1) / (step + 10))
        for name, tensor in weights(changes).items():
            averaged[name].lerp_(tensor, 1 - decay)
        losses.append(loss.item())
        step += 1
        if step % 20 == 0:
            print(f"step {step}, {time.process_time():.0f} s, loss {np.mean(losses[-20:]):.4f}", flush=True)
            kept = {"step": step, "averaged": averaged, "optimizer": optimizer.state_dict()}
            torch.save(kept | {"parameters": [part.data for part in parameters]}, checkpoint)
    tensors = {name: tensor.half().contiguous() for name, tensor in averaged.items()}
    save_file(tensors, HERE.parent / "neon.safetensors", metadata={"format": "pt"})
    for name, change in changes.items():
        change.down.weight.data = averaged[f"unet.{name}.lora_A.weight"]
        change.up.weight.data = averaged[f"unet.{name}.lora_B.weight"]
    shown = ["red apple", "cat face", "house", "owl", "butterfly", "tulip", "rocket", "penguin"]
    pictures = pocket.draw(shown, list(range(len(shown))), steps=12)
    Image.fromarray(np.concatenate(list(pictures), 1).astype(np.uint8)).save(work / "trained.png")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=400, help="of training")
    arguments.add_argument("--work", type=Path, default=HERE.parents[2] / "target/train-pocket-loras/neon")
    arguments = arguments.parse_args()
    work = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    pocket = Pocket()
    if not (work / "captions.json").exists():
        draw(pocket, work)
    if not (work / "latents.safetensors").exists():
        encode(pocket, work)
    train(pocket, work, arguments.steps)


if __name__ == "__main__":
    main()
