"""Makes the golden fixtures: tiny models like Stable Diffusion with random weights, and what diffusers
and transformers compute with them.

    pip install torch diffusers transformers safetensors
    python make.py                # rewrites fixtures/

All tensors are random, including biases and norms, so that a test fails if one is swapped or
forgotten. The outputs are computed in float64 from exactly the numbers that are saved, so that they do
not depend on the machine. Inputs and outputs are saved as float32.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "reference"))
from weights import randomize

HERE = Path(__file__).parent / "fixtures"
SEED = 20

PLAIN = {
    "unet": dict(
        sample_size=8,
        block_out_channels=(8, 16, 16),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=2,
        attention_head_dim=[2, 4, 4],
        cross_attention_dim=12,
        use_linear_projection=True,
        norm_num_groups=4,
    ),
    "vae": dict(
        block_out_channels=(8, 12, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        norm_num_groups=4,
    ),
    "text_encoder": dict(
        vocab_size=50,
        hidden_size=12,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=11,
        hidden_act="gelu",
        bos_token_id=48,
        eos_token_id=49,
        pad_token_id=0,
    ),
}
ODD = {
    "dtype": torch.float32,
    "unet": dict(
        sample_size=6,
        in_channels=5,
        out_channels=3,
        block_out_channels=(6, 10),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=(1, 2),
        transformer_layers_per_block=2,
        attention_head_dim=2,
        cross_attention_dim=7,
        use_linear_projection=False,
        only_cross_attention=True,
        upcast_attention=True,
        norm_num_groups=2,
        norm_eps=1e-3,
        flip_sin_to_cos=False,
        freq_shift=1,
        downsample_padding=0,
    ),
    "vae": dict(
        block_out_channels=(6, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=2,
        latent_channels=3,
        norm_num_groups=2,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ),
    "text_encoder": dict(
        vocab_size=30,
        hidden_size=10,
        intermediate_size=14,
        num_hidden_layers=2,
        num_attention_heads=5,
        max_position_embeddings=9,
        hidden_act="quick_gelu",
        layer_norm_eps=1e-3,
        bos_token_id=0,
        eos_token_id=2,  # With this legacy value, the pooled row is that of the highest id.
        pad_token_id=1,
    ),
}

# These are the settings of the published models, except for widths and sizes.
UNET = dict(
    sample_size=8,
    block_out_channels=(8, 8, 8, 8),
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    cross_attention_dim=12,
    norm_num_groups=2,
)
SD2_UNET = UNET | dict(attention_head_dim=[1, 2, 4, 4], use_linear_projection=True)
VAE = dict(
    block_out_channels=(8, 8, 8, 8),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=2,
    norm_num_groups=2,
)
TEXT_ENCODER = dict(
    vocab_size=40,
    hidden_size=12,
    intermediate_size=48,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=11,
    bos_token_id=0,
    eos_token_id=2,
    pad_token_id=1,
)
MODELS = {
    "plain": PLAIN,
    "odd": ODD,
    "sd2": {
        "unet": SD2_UNET | dict(upcast_attention=True),
        "vae": VAE,
        "text_encoder": TEXT_ENCODER | dict(hidden_act="gelu"),
    },
    # The autoencoder and the text encoder of these two are those of `sd2`. They have one layer in each
    # block, so that their files are small.
    "sd2_inpainting": {"unet": SD2_UNET | dict(in_channels=9, layers_per_block=1)},
    "sd2_depth": {"unet": SD2_UNET | dict(in_channels=5, layers_per_block=1)},
    "sd2_upscaler": {
        "unet": SD2_UNET
        | dict(
            in_channels=7,
            block_out_channels=(8, 8, 8, 16),
            down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 3,
            up_block_types=("CrossAttnUpBlock2D",) * 3 + ("UpBlock2D",),
            attention_head_dim=4,
            only_cross_attention=(True, True, True, False),
            num_class_embeds=40,
        ),
        "vae": VAE
        | dict(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            scaling_factor=0.08333,
        ),
    },
    "sd1": {
        "saved": dict(variant="fp16", max_shard_size="80KB"),
        "unet": UNET | dict(attention_head_dim=4),
        "vae": VAE | dict(layers_per_block=1),
        "text_encoder": TEXT_ENCODER | dict(hidden_act="quick_gelu"),
    },
    "tiny_vae": {
        "tiny_vae": dict(
            encoder_block_out_channels=(8,) * 4,
            decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1, 2, 1, 1),
            num_decoder_blocks=(2, 1, 3, 1),
        ),
    },
}


class Fixture:
    """The folder of a model, and the generator of its random numbers."""

    def __init__(self, name, settings):
        self.folder = HERE / name
        self.settings = settings
        self.generator = torch.Generator().manual_seed(SEED)
        (self.folder / "golden").mkdir(parents=True)

    def draw(self, *shape):
        return torch.randn(*shape, generator=self.generator).double()

    def save(self, model, component):
        """Saves random weights, and returns the model, which computes in float64 with the saved numbers."""
        randomize(model, self.generator)
        model = model.to(self.settings.get("dtype", torch.float16))
        model.save_pretrained(self.folder / component, **self.settings.get("saved", {}))
        return model.to(torch.float64).eval()

    def save_golden(self, name, **tensors):
        tensors = {
            name: (tensor.float() if tensor.is_floating_point() else tensor).contiguous()
            for name, tensor in tensors.items()
        }
        save_file(tensors, self.folder / "golden" / f"{name}.safetensors")

    def unet(self):
        unet = self.save(UNet2DConditionModel(**self.settings["unet"]), "unet")
        scale = 2 ** (len(unet.config.block_out_channels) - 1)
        for name, timestep, rows, height, width in [
            ("unet", [501], 2, 1, 2),
            ("unet_three_timesteps", [1, 501, 981], 3, 1, 2),
            ("unet_three_timesteps_tall", [981, 1, 261], 3, 3, 1),
        ]:
            inputs = {
                "sample": self.draw(rows, unet.config.in_channels, height * scale, width * scale),
                "timestep": torch.tensor(timestep),
                "encoder_hidden_states": self.draw(rows, 5, unet.config.cross_attention_dim),
            }
            if unet.config.num_class_embeds:
                inputs["class_labels"] = torch.tensor([20, 0, 39])[:rows]
            self.save_golden(name, **inputs, out_sample=unet(**inputs).sample)

    def vae(self):
        vae = self.save(AutoencoderKL(**self.settings["vae"]), "vae")
        scale = 2 ** (len(vae.config.block_out_channels) - 1)
        latent = self.draw(2, vae.config.latent_channels, 2, 3)
        self.save_golden("vae_decoder", latent_sample=latent, sample=vae.decode(latent).sample)
        picture = self.draw(2, 3, 2 * scale, 3 * scale)
        moments = vae.encode(picture).latent_dist.parameters
        self.save_golden("vae_encoder", sample=picture, latent_parameters=moments)

    def tiny_vae(self):
        vae = self.save(AutoencoderTiny(**self.settings["tiny_vae"]), "vae")
        # Latents of this size show whether they are clamped.
        latent = 2 * self.draw(2, vae.config.latent_channels, 2, 3)
        self.save_golden("vae_decoder", latent_sample=latent, sample=vae.decode(latent).sample)
        picture = self.draw(2, 3, 16, 24)
        latents = vae.encode(picture).latents
        self.save_golden("vae_encoder", sample=picture, latent_parameters=latents)

    def text_encoder(self):
        config = CLIPTextConfig(**self.settings["text_encoder"])
        encoder = self.save(CLIPTextModel(config), "text_encoder")
        ids = torch.randint(3, config.vocab_size - 3, (3, 8), generator=self.generator)
        end = config.vocab_size - 1
        ids[0, 4] = ids[0, 6] = ids[1, 7] = ids[2, 0] = end
        output = encoder(ids)
        self.save_golden(
            "text_encoder",
            input_ids=ids,
            last_hidden_state=output.last_hidden_state,
            pooler_output=output.pooler_output,
        )


def shard(folder):
    """Distributes a component's tensors over two files with an index."""
    whole = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(whole)
    names = sorted(tensors)
    weight_map = {}
    for number, part in enumerate([names[::2], names[1::2]], start=1):
        file = f"diffusion_pytorch_model-{number:05}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file)
        weight_map |= {name: file for name in part}
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / f"{whole.name}.index.json").write_text(json.dumps(index, indent=1, sort_keys=True))
    whole.unlink()


def prefix_text_model(file, **more):
    """Adds `text_model.` before the tensors' names, as transformers 4 did."""
    tensors = load_file(file) | more
    save_file({f"text_model.{name}": tensor for name, tensor in tensors.items()}, file)


def name_attention_as_before(file):
    """Gives the tensors of the autoencoder's attention the names that diffusers used before version 0.17."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    tensors = {}
    for name, tensor in load_file(file).items():
        for new_part, old_part in old.items():
            name = name.replace(f".{new_part}.", f".{old_part}.")
        tensors[name] = tensor
    save_file(tensors, file)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    shutil.rmtree(HERE, ignore_errors=True)
    for name, settings in MODELS.items():
        fixture = Fixture(name, settings)
        for component in ["unet", "vae", "tiny_vae", "text_encoder"]:
            if component in settings:
                getattr(fixture, component)()
    shard(HERE / "odd" / "unet")
    prefix_text_model(HERE / "odd" / "text_encoder" / "model.safetensors")
    # transformers 4 also saved this buffer, which no graph uses.
    positions = torch.arange(TEXT_ENCODER["max_position_embeddings"])[None]
    prefix_text_model(
        HERE / "sd1" / "text_encoder" / "model.fp16.safetensors",
        **{"embeddings.position_ids": positions},
    )
    name_attention_as_before(HERE / "sd1" / "vae" / "diffusion_pytorch_model.fp16.safetensors")
