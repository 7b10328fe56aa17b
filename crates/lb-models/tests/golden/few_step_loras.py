"""Writes few_step_loras.safetensors and few_step_loras.rgb: transitions of three frames in four steps without guidance,
with a LoRA and the schedulers for which LoRAs that shorten are made. The first file has the latents of both families,
and the second every so many bytes of the frames, 8 bits a channel, in the same order.

    python few_step_loras.py

It needs peft beside reference/requirements.txt. The LoRAs are loras/*/kohya.safetensors, whose numbers are random; the
test gives the file a name that says that it shortens. The models are those of kinds.py and compute in float64.

TCDScheduler without added noise (eta = 0) visits the timesteps of LCMScheduler. The steps of the latter add noise, which
`lb` leaves out, so LCM-LoRAs take the same steps as TCD-LoRAs.
"""

from pathlib import Path

import torch
from diffusers import LCMScheduler, StableDiffusionPipeline, TCDScheduler
from safetensors.torch import save_file

from kinds import IDS, KINDS, Kind, branch, tree

HERE = Path(__file__).parent
STEPS, INJECTION = 4, 2
# Every so many bytes of the frames are written.
STRIDE = 29


class Shortened(Kind):
    def write_json(self, path, values):
        pass

    def denoise(self, latents, fraction, first, last):
        embedding = tree.lerp(*self.embeddings[1:], fraction).double()
        for timestep in self.scheduler.timesteps[first:last]:
            output = self.unet(latents.double(), timestep, encoder_hidden_states=embedding).sample
            # The scheduler counts its steps by itself; a branch begins in the middle.
            self.scheduler._step_index = None
            latents = self.scheduler.step(output, timestep, latents.double(), eta=0.0).prev_sample
        return latents

    def run(self):
        pipeline = StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=None,
            unet=self.unet,
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.load_lora_weights(str(HERE / "loras" / self.name / "kohya.safetensors"), adapter_name="lora")
        pipeline.set_adapters(["lora"], [1.0])
        for model in (self.unet, self.text_encoder):
            model.double()
        settings = {key: value for key, value in KINDS[self.name][2].items() if key != "_class_name"}
        self.scheduler = TCDScheduler.from_config(settings)
        self.scheduler.set_timesteps(STEPS)
        consistency = LCMScheduler.from_config(settings)
        consistency.set_timesteps(STEPS)
        assert torch.equal(self.scheduler.timesteps, consistency.timesteps)
        self.embeddings = self.text_encoder(torch.tensor(IDS)).last_hidden_state.chunk(3)
        ends = [self.denoise(start, f, 0, INJECTION) for f, start in zip([0.0, 1.0], self.noise())]
        middle = self.denoise(tree.slerp(*ends, 0.5), 0.5, INJECTION, STEPS)
        left, right = [self.denoise(end, f, INJECTION, STEPS) for f, end in zip([0.0, 1.0], ends)]
        latents = torch.cat([left, middle, right])
        return latents, branch.decode(self.vae, latents)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tensors, pixels = {}, b""
    for name in ("sd21", "sd15"):
        latents, frames = Shortened(name).run()
        tensors[name] = latents.float().contiguous()
        pixels += frames.flatten()[::STRIDE].contiguous().numpy().tobytes()
        print(name, f"{latents.std():.2f}", f"{frames.double().std():.1f}")
    save_file(tensors, HERE / "few_step_loras.safetensors")
    (HERE / "few_step_loras.rgb").write_bytes(pixels)
