"""The shipped directory: UNet and autoencoder in fp16, what belongs to them, and sheets of their pictures."""
import copy
import json

import torch
from diffusers import DDIMScheduler

import prompts
from assemble import JUDGED, grid
from student import rollout
from teacher import Text, Walk

JUDGED_STEPS = (1, 2, 4, 8)


def write(unet, autoencoder, work, device, log):
    """Writes `pocket-turbo` below the work folder, and beside it the judged pictures for each number of steps."""
    target = work / "pocket-turbo"
    rounded = [copy.deepcopy(part).half().cpu() for part in (unet, autoencoder)]
    for part, name in zip(rounded, ("unet", "vae")):
        part.save_pretrained(target / name)
        config = target / name / "config.json"
        values = json.loads(config.read_text())
        # Where it was loaded from says nothing to others.
        values.pop("_name_or_path", None)
        config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
    scheduler = DDIMScheduler.from_pretrained(
        prompts.POCKET / "scheduler", timestep_spacing="trailing", set_alpha_to_one=True, steps_offset=0)
    scheduler.save_pretrained(target / "scheduler")
    unet, autoencoder = (part.float().to(device) for part in rounded)
    for steps in JUDGED_STEPS:
        grid(sample(unet, autoencoder, JUDGED, steps, device), JUDGED).save(work / f"samples-{steps}.png")
    log(f"{target}, and pictures in {', '.join(map(str, JUDGED_STEPS))} steps beside it")


@torch.no_grad()
def sample(unet, autoencoder, texts, steps, device):
    """Pictures of the texts with the seeds 0, 1, 2, …, computed in fp32, as bytes [128, 128, 3]."""
    walk, text = Walk(device), Text(device)
    noise = [torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed))
             for seed in range(len(texts))]
    conditioning = text.encode(text.ids(texts))
    latents = rollout(unet, walk, torch.cat(noise).to(device), conditioning, steps)[-1]
    pictures = autoencoder.decode(latents).sample.clamp(-1, 1)
    return ((pictures.permute(0, 2, 3, 1) / 2 + 0.5) * 255).round().byte().cpu().numpy()
