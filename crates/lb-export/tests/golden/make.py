"""Makes the golden fixtures: two tiny Stable-Diffusion-2-shaped models with random weights, and
what diffusers and transformers compute with them.

    pip install torch diffusers transformers safetensors
    python make.py                # rewrites fixtures/

`plain` is shaped as Stable Diffusion 2.1 is. `odd` differs wherever the configuration allows it.
Every tensor is random, the biases and norms too, so that a swapped or forgotten one shows.
"""

import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

HERE = Path(__file__).parent / "fixtures"
SEED = 20

PLAIN = {
    "dtype": torch.float16,
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
        eos_token_id=2,  # the legacy value: the pooled row is that of the highest id
        pad_token_id=1,
    ),
}


def randomize(model, generator):
    """Replaces every parameter by random numbers of a size that keeps activations near 1."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim > 1:
            value = noise * parameter[0].numel() ** -0.5
        else:
            value = noise * 0.2 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        parameter.data.copy_(value)


def save(model, folder, dtype):
    """Saves in `dtype`; the model then computes in float32 with exactly the saved numbers."""
    model.to(dtype).save_pretrained(folder, safe_serialization=True)
    return model.to(torch.float32).eval()


def shard(folder):
    """Spreads a component's tensors over two files with an index."""
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


def prefix_text_model(folder):
    """Names the tensors as transformers 4 did: below `text_model.`."""
    file = folder / "model.safetensors"
    save_file({f"text_model.{name}": tensor for name, tensor in load_file(file).items()}, file)


@torch.no_grad()
def make(name, settings):
    folder = HERE / name
    generator = torch.Generator().manual_seed(SEED)
    golden = folder / "golden"
    golden.mkdir(parents=True)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    unet = UNet2DConditionModel(**settings["unet"])
    randomize(unet, generator)
    unet = save(unet, folder / "unet", settings["dtype"])
    scale = 2 ** (len(unet.config.block_out_channels) - 1)
    sample = draw(2, unet.config.in_channels, 2 * scale, 3 * scale)
    text = draw(2, 5, unet.config.cross_attention_dim)
    for file, timestep in [("unet", [501]), ("unet_two_timesteps", [1, 981])]:
        timestep = torch.tensor(timestep)
        save_file(
            {
                "sample": sample,
                "timestep": timestep,
                "encoder_hidden_states": text,
                "out_sample": unet(sample, timestep, text).sample.contiguous(),
            },
            golden / f"{file}.safetensors",
        )

    vae = AutoencoderKL(**settings["vae"])
    randomize(vae, generator)
    vae = save(vae, folder / "vae", settings["dtype"])
    scale = 2 ** (len(vae.config.block_out_channels) - 1)
    latent = draw(2, vae.config.latent_channels, 4, 6)
    picture = draw(2, 3, 4 * scale, 6 * scale)
    save_file(
        {"latent_sample": latent, "sample": vae.decode(latent).sample.contiguous()},
        golden / "vae_decoder.safetensors",
    )
    moments = vae.encode(picture).latent_dist.parameters.contiguous()
    save_file(
        {"sample": picture, "latent_parameters": moments}, golden / "vae_encoder.safetensors"
    )

    config = CLIPTextConfig(**settings["text_encoder"])
    encoder = CLIPTextModel(config)
    randomize(encoder, generator)
    encoder = save(encoder, folder / "text_encoder", settings["dtype"])
    ids = torch.randint(3, config.vocab_size - 3, (3, 8), generator=generator)
    end = config.vocab_size - 1
    ids[0, 4] = ids[0, 6] = ids[1, 7] = ids[2, 0] = end
    output = encoder(ids)
    save_file(
        {
            "input_ids": ids,
            "last_hidden_state": output.last_hidden_state.contiguous(),
            "pooler_output": output.pooler_output.contiguous(),
        },
        golden / "text_encoder.safetensors",
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(HERE, ignore_errors=True)
    make("plain", PLAIN)
    make("odd", ODD)
    shard(HERE / "odd" / "unet")
    prefix_text_model(HERE / "odd" / "text_encoder")
