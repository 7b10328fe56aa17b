"""Writes few_steps.safetensors: the latents of transitions of three frames in 1, 2, 4 and 8 steps without
guidance, with the schedulers that distilled models name, computed one branch at a time.

    python few_steps.py

The model is the kind sd21 of kinds.py, under trailing timestep spacing. It computes in float64.
"""

import sys
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

WORKSPACE = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(WORKSPACE / "reference"))
import branch
import samplers
import tree

HERE = Path(__file__).parent
KIND = HERE / "kinds/sd21"
MODELS = WORKSPACE / "crates/lb-export/tests/golden/fixtures/sd2"
HEIGHT, WIDTH = 8, 16  # of the latents
# The step at which the frame in the middle branches off.
INJECTIONS = {1: 0, 2: 1, 4: 2, 8: 4}


def transition(unet, embeddings, noise, sampler, steps):
    sampler.set_steps(steps)

    def walk(state, fraction, first, last):
        latents, prediction = state
        embedding = tree.lerp(*embeddings, fraction).double()
        for step in range(first, last):
            timestep = sampler.timesteps[step]
            output = unet(latents.double(), timestep, encoder_hidden_states=embedding).sample
            sampler.resume(step, prediction)
            latents, prediction = sampler.step(output, timestep, latents.double())
        return latents, prediction

    injection = INJECTIONS[steps]
    starts = [(start * sampler.initial_noise, None) for start in noise]
    ends = [walk(start, f, 0, injection) for f, start in zip([0.0, 1.0], starts)]
    (left, left_clean), (right, right_clean) = ends
    clean = None if left_clean is None else tree.lerp(left_clean, right_clean, 0.5)
    middle = walk((tree.slerp(left, right, 0.5), clean), 0.5, injection, steps)
    ends = [walk(end, f, injection, steps) for f, end in zip([0.0, 1.0], ends)]
    return torch.cat([ends[0][0], middle[0], ends[1][0]])


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    golden = load_file(KIND / "golden.safetensors")
    text_encoder = branch.load(CLIPTextModel, MODELS / "text_encoder")
    unet = branch.load(UNet2DConditionModel, MODELS / "unet")
    embeddings = text_encoder(golden["input_ids"]).last_hidden_state.chunk(3)[1:]
    shape = (1, 4, HEIGHT, WIDTH)
    seeds = golden["seeds"].tolist()
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds]
    tensors = {}
    for name in ["euler", "tcd", "dpmpp-2m", "ddim"]:
        for steps in INJECTIONS:
            sampler = samplers.SAMPLERS[name](KIND, timestep_spacing="trailing")
            latents = transition(unet, embeddings, noise, sampler, steps)
            tensors[f"{name} {steps}"] = latents.float().contiguous()
            print(name, steps, f"{latents.std():.2f}")
    save_file(tensors, HERE / "few_steps.safetensors")
