"""Training the UNet and the text encoder together: v-prediction on the schedule of inference."""
import copy
import math
import random
import time

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel

import checkpoint

CHANNELS = (64, 96, 128, 128)
HEADS = (2, 3, 4, 4)
TEXT_WIDTH = 128
POSITIONS = 77
# No caption is longer than this. The padding behind it costs a third of a step, and is seen only
# in the last quarter of the training, where the models learn to overlook all of it.
SHORT_POSITIONS = 24
EMPTY_SHARE = 0.10
BATCH = 24
# The stock schedule of Stable Diffusion 2.1: what the shipped directory says, and samples with.
SCHEDULE = dict(
    num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    prediction_type="v_prediction", steps_offset=1, timestep_spacing="leading",
    set_alpha_to_one=False, clip_sample=False,
)


def new_unet():
    unet = UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=CHANNELS,
        down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        layers_per_block=1, cross_attention_dim=TEXT_WIDTH, attention_head_dim=HEADS,
        use_linear_projection=True, norm_num_groups=32,
    )
    torch.nn.init.zeros_(unet.conv_out.weight)
    torch.nn.init.zeros_(unet.conv_out.bias)
    return unet


def new_text_encoder(vocabulary):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, hidden_size=TEXT_WIDTH, intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=POSITIONS,
        hidden_act="gelu", projection_dim=TEXT_WIDTH, bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1, pad_token_id=0,
    ))


class Models:
    """The pair that is trained, and the average of its weights that is shipped."""

    def __init__(self, vocabulary, start=None):
        if start:
            self.unet = UNet2DConditionModel.from_pretrained(f"{start}/unet", torch_dtype=torch.float32)
            self.text = CLIPTextModel.from_pretrained(f"{start}/text_encoder", torch_dtype=torch.float32)
        else:
            self.unet, self.text = new_unet(), new_text_encoder(vocabulary)
        # Plain attention is the fastest at 256 places and below.
        self.unet.set_attn_processor(AttnProcessor())
        self.unet.train()
        self.text.train()
        self.average_unet = copy.deepcopy(self.unet).eval()
        self.average_text = copy.deepcopy(self.text).eval()
        self.parameters = [*self.unet.parameters(), *self.text.parameters()]
        self.averages = [*self.average_unet.parameters(), *self.average_text.parameters()]

    def state(self):
        parts = ("unet", "text", "average_unet", "average_text")
        return {part: getattr(self, part).state_dict() for part in parts}

    def restore(self, state):
        for part, weights in state.items():
            getattr(self, part).load_state_dict(weights)

    @torch.no_grad()
    def take_average(self, step):
        decay = min(0.9990, (1 + step) / (20 + step))
        torch._foreach_lerp_(self.averages, self.parameters, 1 - decay)


def learning_rate(progress, step, peak):
    return peak * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 4e-6


def train(models, latents, chosen, weights, captioner, ids_of, folder, minutes, peak, log):
    """Trains for `minutes` of its own time, resuming from `folder`, and returns the samples seen."""
    optimiser = torch.optim.AdamW(models.parameters, lr=peak, betas=(0.9, 0.99), weight_decay=1e-3,
                                  fused=True)
    alphas = DDIMScheduler(**SCHEDULE).alphas_cumprod
    signal, noise_level = alphas.sqrt(), (1 - alphas).sqrt()
    share = np.array(weights) / np.sum(weights)
    step, spent, loss_average = 0, 0.0, None
    saved = checkpoint.load(folder / "denoiser.pt")
    if saved:
        models.restore(saved["models"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent, loss_average = saved["step"], saved["spent"], saved["loss"]
        log(f"resumed at step {step}, {spent / 60:.1f} minutes")
    draw = np.random.default_rng(step)
    torch.manual_seed(step)
    started, last_saved, last_told = time.time() - spent, time.time(), time.time()

    def keep():
        checkpoint.save(folder / "denoiser.pt", dict(
            models=models.state(), optimiser=optimiser.state_dict(), step=step, loss=loss_average,
            spent=time.time() - started))

    while (progress := (time.time() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(progress, step, peak)
        picks = draw.choice(len(chosen), BATCH, p=share)
        captions = ["" if draw.random() < EMPTY_SHARE else captioner.draw(*chosen[pick][:3])
                    for pick in picks]
        clean = latents[picks]
        # One timestep from every 1/BATCH of the schedule: the batch's loss varies less.
        steps = ((torch.arange(BATCH) + torch.rand(BATCH)) / BATCH * 1000).long().clamp(0, 999)
        noise = torch.randn_like(clean)
        a, b = signal[steps].view(-1, 1, 1, 1), noise_level[steps].view(-1, 1, 1, 1)
        positions = SHORT_POSITIONS if progress < 0.75 else POSITIONS
        ids = torch.tensor([ids_of(caption)[:positions] for caption in captions])
        # Half again as many samples a second as in fp32.
        with torch.autocast("cpu", torch.bfloat16):
            text = models.text(ids)[0]
            predicted = models.unet(a * clean + b * noise, steps, text).sample
        loss = ((predicted.float() - (a * noise - b * clean)) ** 2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(models.parameters, 1.0)
        optimiser.step()
        step += 1
        models.take_average(step)
        value = loss.item()
        loss_average = value if loss_average is None else 0.995 * loss_average + 0.005 * value
        if time.time() - last_told > 60:
            last_told = time.time()
            log(f"{(time.time() - started) / 60:.1f} min, step {step}, {step * BATCH} samples, "
                f"v-loss {loss_average:.4f}")
        if time.time() - last_saved > 180:
            last_saved = time.time()
            keep()
    keep()
    return step * BATCH
