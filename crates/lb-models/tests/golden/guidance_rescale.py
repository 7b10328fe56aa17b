"""Writes guidance_rescale.safetensors: the latents of a transition of three frames whose guidance is rescaled by
diffusers' own function, computed one branch at a time.

    python guidance_rescale.py

The model is the kind sd21 of kinds.py, which predicts the velocity, with a schedule of zero terminal SNR and trailing
timesteps. It computes in float64.
"""

from pathlib import Path

import torch
from diffusers import DDIMScheduler
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from safetensors.torch import save_file

import kinds
from kinds import IDS, KINDS, LEVELS, STEPS, Kind, tree

HERE = Path(__file__).parent
RESCALE = 0.7
GUIDANCE, DAMPER = 7.5, 0.5


class Rescaled(Kind):
    """A kind's models, whose schedule ends in noise alone."""

    def write_json(self, path, values):
        pass

    def denoise(self, latents, fraction, steps):
        embedding = tree.lerp(*self.embeddings[1:], fraction)
        scale = tree.guidance_at(GUIDANCE, DAMPER, fraction)
        conditioning = torch.cat([self.embeddings[0], embedding]).double()
        for timestep in self.scheduler.timesteps[steps]:
            rows = torch.cat([latents, latents]).double()
            output = self.unet(rows, timestep, encoder_hidden_states=conditioning).sample
            unconditional, text = output.chunk(2)
            guided = unconditional + scale * (text - unconditional)
            guided = rescale_noise_cfg(guided, text, guidance_rescale=RESCALE)
            latents = self.scheduler.step(guided, timestep, latents).prev_sample
        return latents

    def run(self):
        settings = {key: value for key, value in KINDS["sd21"][2].items() if key != "_class_name"}
        settings |= dict(rescale_betas_zero_snr=True, timestep_spacing="trailing")
        self.scheduler = DDIMScheduler.from_config(settings)
        self.scheduler.set_timesteps(STEPS)
        self.embeddings = self.text_encoder(torch.tensor(IDS)).last_hidden_state.chunk(3)
        first, second = [steps for steps, _ in LEVELS]
        ends = [self.denoise(start.double(), f, first) for f, start in zip([0.0, 1.0], self.noise())]
        middle = self.denoise(tree.slerp(*ends, 0.5), 0.5, second)
        left, right = [self.denoise(end, f, second) for f, end in zip([0.0, 1.0], ends)]
        latents = torch.cat([left, middle, right]).float().contiguous()
        print(f"{latents.std():.2f}")
        save_file({"latents": latents}, HERE / "guidance_rescale.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    Rescaled("sd21").run()
