"""Training a pocket UNet further, with input channels beside the latents: for models that take more than text.

The new channels' weights start at zero, so that the first step draws what pocket draws. Only the UNet is
trained; text encoder, tokenizer and autoencoder stay pocket's.
"""
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextModel, CLIPTokenizer

import checkpoint
from denoiser import EMPTY_SHARE, POSITIONS, SHORT_POSITIONS, learning_rate

POCKET = Path(__file__).resolve().parents[1]
# The new channels begin at zero and have farther to go than the rest.
EXTRA_RATE = 5


class WidenedConvolution(torch.nn.Module):
    """A convolution, and a second one for so many more channels whose weights are zero; both are trained apart."""

    def __init__(self, narrow, extra):
        super().__init__()
        self.narrow = narrow
        self.extra = torch.nn.Conv2d(extra, narrow.out_channels, narrow.kernel_size, padding=narrow.padding,
                                     bias=False)
        torch.nn.init.zeros_(self.extra.weight)

    def forward(self, channels):
        own, extra = channels.split([self.narrow.in_channels, self.extra.in_channels], 1)
        return self.narrow(own) + self.extra(extra)

    @torch.no_grad()
    def joined(self):
        """One convolution that does the same."""
        wide = torch.nn.Conv2d(self.narrow.in_channels + self.extra.in_channels, self.narrow.out_channels,
                               self.narrow.kernel_size, padding=self.narrow.padding)
        wide.weight.copy_(torch.cat([self.narrow.weight, self.extra.weight], 1))
        wide.bias.copy_(self.narrow.bias)
        return wide


def widened(extra):
    """pocket's UNet with so many more input channels, whose weights are zero."""
    unet = UNet2DConditionModel.from_pretrained(POCKET / "unet", torch_dtype=torch.float32)
    unet.conv_in = WidenedConvolution(unet.conv_in, extra)
    unet.register_to_config(in_channels=unet.config.in_channels + extra)
    unet.set_attn_processor(AttnProcessor())
    return unet


def autoencoder():
    return AutoencoderKL.from_pretrained(POCKET / "vae", torch_dtype=torch.float32).eval()


class Text:
    """pocket's tokenizer and text encoder, which are not trained."""

    def __init__(self):
        folder = POCKET / "tokenizer"
        special = json.loads((folder / "special_tokens_map.json").read_text())
        self.clip = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"),
                                  model_max_length=POSITIONS, **special)
        self.model = CLIPTextModel.from_pretrained(POCKET / "text_encoder", torch_dtype=torch.float32).eval()

    @torch.no_grad()
    def encode(self, captions, positions=POSITIONS):
        rows = [self.clip(caption, truncation=True, max_length=POSITIONS).input_ids for caption in captions]
        return self.model(torch.tensor([(row + [0] * POSITIONS)[:positions] for row in rows]))[0]


def train(unet, examples, caption_of, work, minutes, batch, peak, log):
    """Trains for `minutes` of its own time, resuming from the work folder, and returns the averaged UNet.

    `examples` has clean latents, the channels beside them, and the weight of the loss at every place;
    `caption_of` draws a caption for an example.
    """
    text, average = Text(), copy.deepcopy(unet).eval().requires_grad_(False)
    parameters, averages = list(unet.parameters()), list(average.parameters())
    extra = unet.conv_in.extra.weight
    others = [part for part in parameters if part is not extra]
    groups = [dict(params=others, rate=1), dict(params=[extra], rate=EXTRA_RATE)]
    optimiser = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.99), weight_decay=1e-3, fused=True)
    alphas = DDIMScheduler.from_pretrained(POCKET / "scheduler").alphas_cumprod
    step, spent, loss_average = 0, 0.0, None
    saved = checkpoint.load(work / "denoiser.pt")
    if saved:
        unet.load_state_dict(saved["unet"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent, loss_average = saved["step"], saved["spent"], saved["loss"]
        log(f"resumed at step {step}, {spent / 60:.1f} minutes")
    unet.train()
    draw = np.random.default_rng(step)
    torch.manual_seed(step)
    started, last_saved, last_told = time.time() - spent, time.time(), time.time()

    def keep():
        checkpoint.save(work / "denoiser.pt", dict(
            unet=unet.state_dict(), average=average.state_dict(), optimiser=optimiser.state_dict(),
            step=step, loss=loss_average, spent=time.time() - started))

    while (progress := (time.time() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * learning_rate(progress, step, peak)
        picks = torch.from_numpy(draw.choice(len(examples["clean"]), batch, replace=False))
        captions = ["" if draw.random() < EMPTY_SHARE else caption_of(pick) for pick in picks.tolist()]
        clean, channels, weight = (examples[part][picks].float() for part in ("clean", "extra", "weight"))
        # One timestep from every 1/batch of the schedule: the batch's loss varies less.
        steps = ((torch.arange(batch) + torch.rand(batch)) / batch * len(alphas)).long()
        noise = torch.randn_like(clean)
        signal, noise_level = (part[steps].view(-1, 1, 1, 1) for part in (alphas.sqrt(), (1 - alphas).sqrt()))
        conditioning = text.encode(captions, SHORT_POSITIONS if progress < 0.75 else POSITIONS)
        noisy = signal * clean + noise_level * noise
        predicted = unet(torch.cat([noisy, channels], 1), steps, conditioning).sample
        error = (predicted - (signal * noise - noise_level * clean)) ** 2
        loss = (error * weight).mean() / weight.mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            decay = min(0.9980, (1 + step) / (20 + step))
            torch._foreach_lerp_(averages, parameters, 1 - decay)
        value = loss.item()
        loss_average = value if loss_average is None else 0.99 * loss_average + 0.01 * value
        if time.time() - last_told > 60:
            last_told = time.time()
            log(f"{(time.time() - started) / 60:.1f} min, step {step}, {step * batch} samples, "
                f"v-loss {loss_average:.4f}")
        if time.time() - last_saved > 180:
            last_saved = time.time()
            keep()
    keep()
    return average


@torch.no_grad()
def sample(unet, extra, prompts, steps=12, guidance=4.0):
    """Pictures with the seeds 0, 1, 2, … in [0, 1]: one for each prompt and its channels beside the latents."""
    text, vae = Text(), autoencoder()
    scheduler = DDIMScheduler.from_pretrained(POCKET / "scheduler")
    scheduler.set_timesteps(steps)
    pictures = []
    for seed, prompt in enumerate(prompts):
        conditioning, channels = text.encode(["", prompt]), extra[seed:seed + 1]
        latents = torch.randn(1, 4, *channels.shape[2:], generator=torch.Generator().manual_seed(seed))
        for timestep in scheduler.timesteps:
            seen = torch.cat([latents, channels], 1).repeat(2, 1, 1, 1)
            none, full = unet(seen, timestep, conditioning).sample.chunk(2)
            latents = scheduler.step(none + guidance * (full - none), timestep, latents).prev_sample
        picture = vae.decode(latents / vae.config.scaling_factor).sample[0].clamp(-1, 1)
        pictures.append((picture.permute(1, 2, 0) / 2 + 0.5).numpy())
    return pictures


def write(unet, target, pipeline):
    """Writes the UNet in fp16 and what belongs to it, with references to pocket.

    `pipeline` is the name of the class in diffusers. Returns the UNet with its rounded weights.
    """
    rounded = copy.deepcopy(unet).half()
    rounded.conv_in = unet.conv_in.joined().half()
    rounded.save_pretrained(target / "unet")
    config = target / "unet/config.json"
    values = json.loads(config.read_text())
    # Where it was loaded from says nothing to others.
    values.pop("_name_or_path", None)
    config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
    (target / "scheduler").mkdir(exist_ok=True)
    for shared in ("scheduler/scheduler_config.json", "words.txt"):
        (target / shared).write_text((POCKET / shared).read_text())
    index = json.loads((POCKET / "model_index.json").read_text()) | {"_class_name": pipeline}
    (target / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
    references = "".join(f'{part} = "../pocket"\n' for part in ("text_encoder", "tokenizer", "vae"))
    (target / "lb.toml").write_text(f"[shared]\n{references}")
    return rounded.float()
