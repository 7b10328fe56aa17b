"""Writes loras/: LoRAs with random numbers for the tiny models of both families, in the names of different
publications, and a transition that diffusers computes with them.

    python loras.py

It needs peft beside reference/requirements.txt. The models are those of kinds.py and compute in float64. diffusers
loads the files by itself, so that the meaning of their names is its own. For each family:

    kohya.safetensors       Kohya's names, fp16, with alpha: UNet (linear layers, convolutions) and text encoder
    peft.safetensors        PEFT's names, fp32, attention and the first convolution of the UNet, the alphas in
                            the metadata
    processors.bin          the attention of peft.safetensors as diffusers' attention processors were saved,
                            pickled by torch (sd15)
    golden.safetensors      conditionings of all prompts with each keyframe's strengths, latents of three frames
    frames.png              the three frames, one below the other
"""

import json
import shutil
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import nn

import kinds
from kinds import IDS, LEVELS, Kind, branch, tree

HERE = Path(__file__).parent / "loras"
STRENGTHS = [[0.8, 0.0], [-0.3, 1.2]]  # of both files, for each keyframe
RANK, ALPHA = 3, 2.0
PEFT_RANK, PEFT_ALPHA = 2, 3.0


def matrices(layer, rank, generator):
    """Random matrices whose product is about a third of the layer's own weight."""
    weight = layer.weight
    shape = (rank, *weight.shape[1:])
    down = torch.randn(shape, generator=generator) / weight[0].numel() ** 0.5
    up = torch.randn((len(weight), rank, *[1] * (weight.dim() - 2)), generator=generator)
    scale = weight.float().std() * weight[0].numel() ** 0.5 / rank**0.5 / 3
    return down, up * scale


def kohya(kind, path):
    generator = torch.Generator().manual_seed(41)
    tensors = {}
    for prefix, model in [("lora_unet", kind.unet), ("lora_te", kind.text_encoder)]:
        for name, layer in model.named_modules():
            is_linear = isinstance(layer, nn.Linear)
            is_known = any(part in name for part in ("attentions", "resnets", "samplers", "encoder.layers"))
            if not is_known or not (is_linear or isinstance(layer, nn.Conv2d)):
                continue
            if prefix == "lora_te" and not name.startswith("text_model."):
                name = f"text_model.{name}"
            stem = f"{prefix}_{name.replace('.', '_')}"
            down, up = matrices(layer, RANK, generator)
            tensors[f"{stem}.lora_down.weight"] = down.half()
            tensors[f"{stem}.lora_up.weight"] = up.half()
            tensors[f"{stem}.alpha"] = torch.tensor(ALPHA).half()
    save_file(tensors, path)


def peft(kind, path, old):
    generator = torch.Generator().manual_seed(42)
    tensors, processors = {}, {}
    for name, layer in kind.unet.named_modules():
        is_attention = name.rsplit(".", 1)[-1] in ("to_q", "to_k", "to_v") or name.endswith("to_out.0")
        if not is_attention and name != "conv_in":
            continue
        down, up = matrices(layer, PEFT_RANK, generator)
        tensors[f"unet.{name}.lora_A.weight"] = down
        tensors[f"unet.{name}.lora_B.weight"] = up
        if is_attention:
            attention, own = name.removesuffix(".0").rsplit(".", 1)
            processors[f"{attention}.processor.{own}_lora.down.weight"] = down
            # These files have no alpha: its part is in the second matrix.
            processors[f"{attention}.processor.{own}_lora.up.weight"] = up * (PEFT_ALPHA / PEFT_RANK)
    settings = {"unet.r": PEFT_RANK, "unet.lora_alpha": PEFT_ALPHA}
    settings["unet.target_modules"] = ["to_q", "to_k", "to_v", "to_out.0", "conv_in"]
    save_file(tensors, path, metadata={"format": "pt", "lora_adapter_metadata": json.dumps(settings)})
    if old:
        torch.save(processors, old)


class Changed(Kind):
    """A kind's models with both LoRAs."""

    def __init__(self, name):
        super().__init__(name)
        self.out = HERE / name
        self.out.mkdir(parents=True)
        kohya(self, self.out / "kohya.safetensors")
        old = self.out / "processors.bin" if name == "sd15" else None
        peft(self, self.out / "peft.safetensors", old)
        self.pipeline = StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder,
            tokenizer=None,
            unet=self.unet,
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        for adapter in ("kohya", "peft"):
            self.pipeline.load_lora_weights(str(self.out / f"{adapter}.safetensors"), adapter_name=adapter)
        for model in (self.unet, self.text_encoder):
            model.double()

    def choose(self, strengths):
        self.pipeline.set_adapters(["kohya", "peft"], strengths)

    def denoise(self, latents, fraction, steps):
        self.choose([tree_lerp(*pair, fraction) for pair in zip(*STRENGTHS)])
        negative = tree.lerp(self.encoded[0][0:1], self.encoded[1][0:1], fraction)
        embedding = tree.lerp(self.encoded[0][1:2], self.encoded[1][2:3], fraction)
        scale = tree.guidance_at(kinds.GUIDANCE, kinds.DAMPER, fraction)
        return branch.denoise(self, latents, negative, embedding, scale, None, steps)

    def run(self):
        self.encoded = []
        for strengths in STRENGTHS:
            self.choose(strengths)
            self.encoded.append(self.text_encoder(torch.tensor(IDS)).last_hidden_state)
        first, second = [steps for steps, _ in LEVELS]
        ends = [self.denoise(start.double(), f, first) for f, start in zip([0.0, 1.0], self.noise())]
        middle = self.denoise(tree.slerp(*ends, 0.5), 0.5, second)
        left, right = [self.denoise(end, f, second) for f, end in zip([0.0, 1.0], ends)]
        latents = torch.cat([left, middle, right])
        frames = branch.decode(self.vae, latents)
        kinds.save_pictures(self.out / "frames.png", frames.numpy())
        tensors = {
            "conditionings": torch.cat(self.encoded).float(),
            "latents": latents.float(),
            "strengths": torch.tensor(STRENGTHS),
        }
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, self.out / "golden.safetensors")
        print(self.name, "latents", latents.std().item(), "frames", frames.double().std().item())


def tree_lerp(left, right, fraction):
    return (1 - fraction) * left + fraction * right


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shutil.rmtree(HERE, ignore_errors=True)
    for name in ("sd21", "sd15"):
        kind = Changed.__new__(Changed)
        kind.write_json = lambda path, values: None
        Changed.__init__(kind, name)
        kind.run()
