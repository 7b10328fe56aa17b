"""One branch with diffusers, for the fixtures' scripts: the channels beside its latents, its steps,
its picture. Models compute in float64; noise, mixes and schedulers' tables are float32."""

from types import SimpleNamespace

import torch
from diffusers import StableDiffusionDepth2ImgPipeline, StableDiffusionInpaintPipeline
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

import tree


def load(kind, folder, variant=None):
    """A model in float64, with exactly the saved numbers."""
    model = kind.from_pretrained(
        folder, torch_dtype=torch.float32, low_cpu_mem_usage=False, variant=variant
    )
    return model.double().eval()


def masked_channels(vae, source, gray):
    """The mask and the latents of what it keeps, as diffusers prepares them for inpainting.

    `source` is a picture of height × width × 3 bytes, `gray` its mask of height × width.
    """
    height, width = gray.shape
    processor = VaeImageProcessor(vae_scale_factor=8)
    mask_processor = VaeImageProcessor(
        vae_scale_factor=8, do_normalize=False, do_binarize=True, do_convert_grayscale=True
    )
    picture = processor.preprocess(Image.fromarray(source), height, width)
    mask = mask_processor.preprocess(Image.fromarray(gray), height, width)
    # The pipeline draws from the posterior; a film is deterministic, and takes its mean.
    encode = lambda image, generator: (
        vae.encode(image.double()).latent_dist.mode() * vae.config.scaling_factor
    )
    pipeline = SimpleNamespace(vae_scale_factor=8, _encode_vae_image=encode)
    mask, latents = StableDiffusionInpaintPipeline.prepare_mask_latents(
        pipeline, mask, picture * (mask < 0.5), 1, height, width, torch.double, "cpu", None, False
    )
    return torch.cat([mask, latents], dim=1)


def depth_channel(depth, height, width):
    """A depth map of 1 × rows × columns, as diffusers prepares it for a picture of this size."""
    picture = torch.zeros(1, 3, height, width)
    return StableDiffusionDepth2ImgPipeline.prepare_depth_map(
        SimpleNamespace(vae_scale_factor=8), picture, depth, 1, False, torch.double, "cpu"
    )


def mixed_channels(left, right, fraction):
    """What a branch sees beside its latents, from what its keyframes see; None where they see none."""
    if left is None or torch.equal(left, right):
        return left
    return tree.slerp(left, right, fraction)


def denoise(models, latents, negative, embedding, scale, channels, steps):
    """Takes a branch through some steps, both halves of its guidance as a batch of two.

    `models` has a `unet`, a `scheduler`, and the `labels` of an upscaler's noise level, or None.
    """
    conditioning = torch.cat([negative, embedding]).double()
    for timestep in models.scheduler.timesteps[steps]:
        rows = torch.cat([latents, latents])
        if channels is not None:
            rows = torch.cat([rows, torch.cat([channels, channels])], dim=1)
        output = models.unet(
            rows.double(), timestep, encoder_hidden_states=conditioning, class_labels=models.labels
        ).sample
        unconditional, conditional = output.chunk(2)
        output = unconditional + scale * (conditional - unconditional)
        latents = models.scheduler.step(output, timestep, latents).prev_sample
    return latents


def decode(vae, latents):
    """The pictures of latents: rows × height × width × 3 bytes."""
    pictures = vae.decode(latents / vae.config.scaling_factor).sample
    return (pictures / 2 + 0.5).clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1)
