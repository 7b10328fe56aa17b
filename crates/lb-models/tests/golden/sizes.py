"""Writes sizes.safetensors and sizes.rgb: transitions of three frames whose latents cannot be halved as often as the UNet halves
them, as diffusers computes them, one branch at a time.

    python sizes.py

The models are those of kinds.py and compute in float64. For each family and size, such as `sd21 72x56`, the
first file has the latents. The second has every so many bytes of the frames, 8 bits a channel, in the same order.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

from kinds import IDS, LEVELS, SEEDS, Kind, branch, tree

HERE = Path(__file__).parent
SIZES = [(72, 56), (360, 24)]
# Every so many bytes of the frames are written.
STRIDE = 29


class Sized(Kind):
    def write_json(self, path, values):
        pass

    def noise(self):
        shape = (1, 4, self.height // 8, self.width // 8)
        return [torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in SEEDS]

    def frames_of(self, width, height):
        self.width, self.height = width, height
        self.embeddings = self.text_encoder(torch.tensor(IDS)).last_hidden_state.chunk(3)
        self.channels = [None, None]
        first, second = [steps for steps, _ in LEVELS]
        ends = [self.denoise(start.double(), f, first) for f, start in zip([0.0, 1.0], self.noise())]
        middle = self.denoise(tree.slerp(*ends, 0.5), 0.5, second)
        left, right = [self.denoise(end, f, second) for f, end in zip([0.0, 1.0], ends)]
        latents = torch.cat([left, middle, right])
        return latents, branch.decode(self.vae, latents)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    tensors, pixels = {}, b""
    for name in ("sd21", "sd15"):
        kind = Sized(name)
        for width, height in SIZES:
            latents, frames = kind.frames_of(width, height)
            what = f"{name} {width}x{height}"
            tensors[what] = latents.float().contiguous()
            pixels += frames.flatten()[::STRIDE].contiguous().numpy().tobytes()
            print(what, f"{latents.std():.2f}", f"{frames.double().std():.1f}")
    save_file(tensors, HERE / "sizes.safetensors")
    (HERE / "sizes.rgb").write_bytes(pixels)
