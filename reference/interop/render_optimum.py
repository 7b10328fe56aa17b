"""One picture by Optimum's ONNX Runtime pipeline, from a model directory with ONNX graphs."""

import argparse
from pathlib import Path

import torch
from diffusers import DDIMScheduler
from optimum.onnxruntime import ORTStableDiffusionPipeline
from PIL import Image


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompt")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--guidance-scale", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    settings = parser.parse_args()
    pipeline = ORTStableDiffusionPipeline.from_pretrained(settings.model)
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    side = pipeline.unet.config.sample_size
    generator = torch.Generator().manual_seed(settings.seed)
    # Given, because the pipeline would draw its own with numpy.
    latents = torch.randn(1, pipeline.unet.config.in_channels, side, side, generator=generator)
    picture = pipeline(
        settings.prompt,
        num_inference_steps=settings.steps,
        guidance_scale=settings.guidance_scale,
        latents=latents,
        output_type="np",
    ).images[0]
    Image.fromarray((picture * 255).round().astype("uint8")).save(settings.output)


if __name__ == "__main__":
    main()
