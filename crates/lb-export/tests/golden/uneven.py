"""Writes fixtures/*/golden/unet_uneven_*.safetensors: what diffusers' UNets make of latents whose sides cannot be
halved as often as the UNet halves them, such as those of 1080 lines.

    python uneven.py

The models are those that make.py writes.
"""

import json
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

FIXTURES = Path(__file__).parent / "fixtures"
SIZES = {"tall": (9, 7), "wide": (5, 45)}


@torch.no_grad()
def main():
    for model in sorted(path.parent for path in FIXTURES.glob("*/unet")):
        config = json.loads((model / "unet/config.json").read_text())
        unet = UNet2DConditionModel.from_config(config)
        weights = {}
        for file in sorted((model / "unet").glob("*.safetensors")):
            weights |= load_file(file)
        unet.load_state_dict({name: value.float() for name, value in weights.items()})
        unet.eval().double()
        generator = torch.Generator().manual_seed(7)
        for name, (height, width) in SIZES.items():
            draw = lambda *shape: torch.randn(shape, generator=generator)
            inputs = {
                "sample": draw(2, unet.config.in_channels, height, width),
                "timestep": torch.tensor([501]),
                "encoder_hidden_states": draw(2, 5, unet.config.cross_attention_dim),
            }
            if unet.config.num_class_embeds:
                inputs["class_labels"] = torch.tensor([20, 39])
            double = {
                key: value.double() if value.is_floating_point() else value
                for key, value in inputs.items()
            }
            outputs = {"out_sample": unet(**double).sample.float().contiguous()}
            save_file(inputs | outputs, model / f"golden/unet_uneven_{name}.safetensors")


if __name__ == "__main__":
    main()
