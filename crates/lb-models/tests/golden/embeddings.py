"""Writes embeddings/: embeddings with random numbers for the tiny models of both families, in the files of different
publications, and what diffusers makes of prompts with them.

    python embeddings.py

It needs peft beside reference/requirements.txt. The models are those of kinds.py and compute in float64. diffusers
loads the files by itself (`load_textual_inversion`). For each family:

    web-ui.pt               three vectors as Stable Diffusion's web UI saves them, pickled by torch
    learned_embeds.bin      one vector as diffusers saves it, pickled by torch
    several.safetensors     two vectors under the name of their token
    params.safetensors      two vectors, `emb_params`
    golden.safetensors      conditionings of all prompts; of the first of them with the LoRA of loras.py; latents of
                            three frames
    frames.png              the three frames, one below the other
"""

import json
import shutil
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from transformers import CLIPTokenizer

import kinds
from kinds import LEVELS, Kind, branch, tree

HERE = Path(__file__).parent / "embeddings"
LORAS = Path(__file__).parent / "loras"
# The negative prompt, those of the keyframes, and others.
PROMPTS = ["<neg>", "a <web> b", "<sks> cd", "<pair> <web>", "<web><web>", "ab", "<sks> <pair> <neg> a"]
STRENGTH = 0.7
CHANGED = 4


def vectors(rows, count, seed):
    """Random rows that are about as large as those of a table."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, rows.shape[1], generator=generator) * rows.std()


def write_files(folder, table):
    torch.save(
        {
            "string_to_token": {"*": 265},
            "string_to_param": {"*": vectors(table, 3, 1)},
            "name": "web",
            "step": 500,
            "sd_checkpoint": "0" * 8,
            "sd_checkpoint_name": "tiny",
        },
        folder / "web-ui.pt",
    )
    torch.save({"<sks>": vectors(table, 1, 2)[0]}, folder / "learned_embeds.bin")
    save_file({"<pair>": vectors(table, 2, 3).half()}, folder / "several.safetensors")
    save_file({"emb_params": vectors(table, 2, 4)}, folder / "params.safetensors")


class Inverted(Kind):
    """A kind's models with embeddings."""

    def __init__(self, name):
        super().__init__(name)
        self.out = HERE / name
        self.out.mkdir(parents=True)
        table = self.text_encoder.get_input_embeddings().weight.detach().float()
        write_files(self.out, table)
        length = self.text_encoder.config.max_position_embeddings
        tokenizer = CLIPTokenizer(
            vocab=json.loads((kinds.HERE / "tokenizer/vocab.json").read_text()),
            merges=[],
            pad_token="<|startoftext|>",
            model_max_length=length,
        )
        self.pipeline = StableDiffusionPipeline(
            vae=self.vae,
            text_encoder=self.text_encoder.float(),
            tokenizer=tokenizer,
            unet=self.unet,
            scheduler=self.scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        for file, token in [
            ("web-ui.pt", "<web>"),
            ("learned_embeds.bin", None),
            ("several.safetensors", None),
        ]:
            self.pipeline.load_textual_inversion(str(self.out / file), token=token)
        # diffusers does not read this form.
        params = dict(zip(["<neg>", "<neg>_1"], vectors(table, 2, 4)))
        tokenizer.add_tokens(list(params))
        self.text_encoder.resize_token_embeddings(len(tokenizer))
        for token, vector in params.items():
            id = tokenizer.convert_tokens_to_ids(token)
            self.text_encoder.get_input_embeddings().weight.data[id] = vector
        self.text_encoder.double()

    def encode(self):
        """The conditionings of all prompts, which diffusers extends by the further vectors of each token."""
        tokenizer = self.pipeline.tokenizer
        prompts = [self.pipeline.maybe_convert_prompt(prompt, tokenizer) for prompt in PROMPTS]
        ids = tokenizer(
            prompts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
        ).input_ids
        return self.text_encoder(ids).last_hidden_state

    def denoise(self, latents, fraction, steps):
        negative = self.encoded[0:1]
        embedding = tree.lerp(self.encoded[1:2], self.encoded[2:3], fraction)
        scale = tree.guidance_at(kinds.GUIDANCE, kinds.DAMPER, fraction)
        return branch.denoise(self, latents, negative, embedding, scale, None, steps)

    def run(self):
        self.encoded = self.encode()
        first, second = [steps for steps, _ in LEVELS]
        ends = [self.denoise(start.double(), f, first) for f, start in zip([0.0, 1.0], self.noise())]
        middle = self.denoise(tree.slerp(*ends, 0.5), 0.5, second)
        left, right = [self.denoise(end, f, second) for f, end in zip([0.0, 1.0], ends)]
        latents = torch.cat([left, middle, right])
        frames = branch.decode(self.vae, latents)
        kinds.save_pictures(self.out / "frames.png", frames.numpy())
        # The text encoder of the same model with a LoRA.
        self.pipeline.load_lora_weights(str(LORAS / self.name / "kohya.safetensors"), adapter_name="kohya")
        self.pipeline.set_adapters(["kohya"], [STRENGTH])
        self.text_encoder.double()
        tensors = {
            "conditionings": self.encoded.float(),
            "changed": self.encode()[:CHANGED].float(),
            "latents": latents.float(),
        }
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, self.out / "golden.safetensors")
        print(self.name, "latents", latents.std().item(), "frames", frames.double().std().item())


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shutil.rmtree(HERE, ignore_errors=True)
    for name in ("sd21", "sd15"):
        kind = Inverted.__new__(Inverted)
        kind.write_json = lambda path, values: None
        Inverted.__init__(kind, name)
        kind.run()
