"""Makes the fixtures of single-file checkpoints: tiny models in all the forms that they come in.

    pip install torch diffusers transformers safetensors numpy
    python make_checkpoints.py    # rewrites checkpoints/

`sd2/`, `sd1/` and `x4/` (the upscaler) hold the same numbers as a diffusers directory and as
`checkpoint.safetensors` with CompVis' names; `sd2/` also as `checkpoint.ckpt`, with all that
training leaves in one.
`shapes.json.gz` has the names and shapes of full-size checkpoints, without numbers.

The names are built here by walking CompVis' networks in the order in which their code builds
them (ldm/modules/diffusionmodules/{openaimodel,model}.py, open_clip/transformer.py).
"""

import gzip
import json
import shutil
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from make import randomize
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

HERE = Path(__file__).parent / "checkpoints"
SEED = 21

UNET2 = dict(
    sample_size=8,
    block_out_channels=(4, 8),
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    layers_per_block=1,
    attention_head_dim=[1, 2],
    cross_attention_dim=6,
    use_linear_projection=True,
    norm_num_groups=2,
)
UNET1 = dict(
    sample_size=8,
    block_out_channels=(4,),
    down_block_types=("CrossAttnDownBlock2D",),
    up_block_types=("CrossAttnUpBlock2D",),
    layers_per_block=1,
    attention_head_dim=2,
    cross_attention_dim=6,
    norm_num_groups=2,
)
UNET4 = UNET2 | dict(
    in_channels=7,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    attention_head_dim=2,
    only_cross_attention=(True, True),
    num_class_embeds=10,
)
VAE2 = dict(
    block_out_channels=(2, 4),
    down_block_types=("DownEncoderBlock2D",) * 2,
    up_block_types=("UpDecoderBlock2D",) * 2,
    layers_per_block=1,
    norm_num_groups=2,
)
VAE1 = dict(
    block_out_channels=(2,),
    down_block_types=("DownEncoderBlock2D",),
    up_block_types=("UpDecoderBlock2D",),
    layers_per_block=1,
    norm_num_groups=1,
)
VAE4 = dict(
    block_out_channels=(2, 2, 4),
    down_block_types=("DownEncoderBlock2D",) * 3,
    up_block_types=("UpDecoderBlock2D",) * 3,
    layers_per_block=1,
    norm_num_groups=2,
    scaling_factor=0.08333,
)
TEXT = dict(
    vocab_size=14,
    hidden_size=6,
    intermediate_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=7,
    hidden_act="gelu",
    bos_token_id=12,
    eos_token_id=13,
    pad_token_id=0,
)


def both_ends(names, old, new):
    """The weight and the bias of one layer: CompVis' name → diffusers'."""
    names[f"{new}.weight"] = f"{old}.weight"
    names[f"{new}.bias"] = f"{old}.bias"


def unet_resnet(names, old, new, shortcut):
    both_ends(names, f"{old}.norm1", f"{new}.in_layers.0")
    both_ends(names, f"{old}.conv1", f"{new}.in_layers.2")
    both_ends(names, f"{old}.time_emb_proj", f"{new}.emb_layers.1")
    both_ends(names, f"{old}.norm2", f"{new}.out_layers.0")
    both_ends(names, f"{old}.conv2", f"{new}.out_layers.3")
    if shortcut:
        both_ends(names, f"{old}.conv_shortcut", f"{new}.skip_connection")


def unet_transformer(names, old, new):
    for layer in ["norm", "proj_in", "proj_out"]:
        both_ends(names, f"{old}.{layer}", f"{new}.{layer}")
    old, new = f"{old}.transformer_blocks.0", f"{new}.transformer_blocks.0"
    for layer in ["norm1", "norm2", "norm3", "ff.net.0.proj", "ff.net.2"]:
        both_ends(names, f"{old}.{layer}", f"{new}.{layer}")
    for attention in ["attn1", "attn2"]:
        for projection in ["to_q", "to_k", "to_v"]:
            layer = f"{attention}.{projection}.weight"
            names[f"{new}.{layer}"] = f"{old}.{layer}"
        both_ends(names, f"{old}.{attention}.to_out.0", f"{new}.{attention}.to_out.0")


def unet_names(config):
    """CompVis' UNetModel: name → name in diffusers."""
    names = {}
    both_ends(names, "time_embedding.linear_1", "time_embed.0")
    both_ends(names, "time_embedding.linear_2", "time_embed.2")
    if config.num_class_embeds:
        names["label_emb.weight"] = "class_embedding.weight"
    both_ends(names, "conv_in", "input_blocks.0.0")
    channels, layers = config.block_out_channels, config.layers_per_block
    width, step, skips = channels[0], 1, [channels[0]]
    for level, kind in enumerate(config.down_block_types):
        for layer in range(layers):
            old = f"down_blocks.{level}"
            new = f"input_blocks.{step}"
            unet_resnet(names, f"{old}.resnets.{layer}", f"{new}.0", width != channels[level])
            if kind.startswith("CrossAttn"):
                unet_transformer(names, f"{old}.attentions.{layer}", f"{new}.1")
            width = channels[level]
            skips.append(width)
            step += 1
        if level + 1 < len(channels):
            both_ends(names, f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{step}.0.op")
            skips.append(width)
            step += 1
    unet_resnet(names, "mid_block.resnets.0", "middle_block.0", False)
    unet_transformer(names, "mid_block.attentions.0", "middle_block.1")
    unet_resnet(names, "mid_block.resnets.1", "middle_block.2", False)
    step = 0
    for level, kind in enumerate(config.up_block_types):
        for layer in range(layers + 1):
            old, new = f"up_blocks.{level}", f"output_blocks.{step}"
            outputs = channels[-1 - level]
            inputs = width + skips.pop()
            unet_resnet(names, f"{old}.resnets.{layer}", f"{new}.0", inputs != outputs)
            width = outputs
            position = 1
            if kind.startswith("CrossAttn"):
                unet_transformer(names, f"{old}.attentions.{layer}", f"{new}.1")
                position = 2
            if layer == layers and level + 1 < len(channels):
                both_ends(names, f"{old}.upsamplers.0.conv", f"{new}.{position}.conv")
            step += 1
    both_ends(names, "conv_norm_out", "out.0")
    both_ends(names, "conv_out", "out.2")
    return names


def vae_names(config):
    """CompVis' AutoencoderKL: name → name in diffusers."""
    names = {}
    channels, layers = config.block_out_channels, config.layers_per_block
    last = len(channels) - 1

    def resnet(old, new, shortcut):
        for layer in ["norm1", "conv1", "norm2", "conv2"]:
            both_ends(names, f"{old}.{layer}", f"{new}.{layer}")
        if shortcut:
            both_ends(names, f"{old}.conv_shortcut", f"{new}.nin_shortcut")

    for half in ["encoder", "decoder"]:
        both_ends(names, f"{half}.conv_in", f"{half}.conv_in")
        both_ends(names, f"{half}.conv_norm_out", f"{half}.norm_out")
        both_ends(names, f"{half}.conv_out", f"{half}.conv_out")
        resnet(f"{half}.mid_block.resnets.0", f"{half}.mid.block_1", False)
        resnet(f"{half}.mid_block.resnets.1", f"{half}.mid.block_2", False)
        old, new = f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1"
        both_ends(names, f"{old}.group_norm", f"{new}.norm")
        for old_layer, new_layer in [("to_q", "q"), ("to_k", "k"), ("to_v", "v")]:
            both_ends(names, f"{old}.{old_layer}", f"{new}.{new_layer}")
        both_ends(names, f"{old}.to_out.0", f"{new}.proj_out")
    for level in range(len(channels)):
        for layer in range(layers):
            shortcut = layer == 0 and level > 0 and channels[level - 1] != channels[level]
            old, new = f"encoder.down_blocks.{level}", f"encoder.down.{level}"
            resnet(f"{old}.resnets.{layer}", f"{new}.block.{layer}", shortcut)
        if level < last:
            both_ends(names, f"{old}.downsamplers.0.conv", f"{new}.downsample.conv")
    for level in reversed(range(len(channels))):
        old, new = f"decoder.up_blocks.{last - level}", f"decoder.up.{level}"
        for layer in range(layers + 1):
            shortcut = layer == 0 and level < last and channels[level + 1] != channels[level]
            resnet(f"{old}.resnets.{layer}", f"{new}.block.{layer}", shortcut)
        if level > 0:
            both_ends(names, f"{old}.upsamplers.0.conv", f"{new}.upsample.conv")
    both_ends(names, "quant_conv", "quant_conv")
    both_ends(names, "post_quant_conv", "post_quant_conv")
    return names


def unet_tensors(unet):
    tensors = unet.state_dict()
    names = unet_names(unet.config)
    assert sorted(names.values()) == sorted(tensors), set(names.values()) ^ set(tensors)
    return {f"model.diffusion_model.{new}": tensors[old] for new, old in names.items()}


def vae_tensors(vae):
    tensors = vae.state_dict()
    names = vae_names(vae.config)
    assert sorted(names.values()) == sorted(tensors), set(names.values()) ^ set(tensors)

    def shaped(new, tensor):
        is_projection = "attn_1" in new and new.endswith("weight") and ".norm." not in new
        return tensor[:, :, None, None] if is_projection else tensor

    return {f"first_stage_model.{new}": shaped(new, tensors[old]) for new, old in names.items()}


def open_clip_tensors(encoder, draw):
    """OpenCLIP's text transformer, with the last layer that Stable Diffusion 2 leaves unused."""
    prefix = "" if "final_layer_norm.weight" in encoder.state_dict() else "text_model."
    tensors = {name.removeprefix(prefix): value for name, value in encoder.state_dict().items()}
    width, layers = encoder.config.hidden_size, encoder.config.num_hidden_layers
    names = {
        "token_embedding.weight": tensors["embeddings.token_embedding.weight"],
        "positional_embedding": tensors["embeddings.position_embedding.weight"],
        "ln_final.weight": tensors["final_layer_norm.weight"],
        "ln_final.bias": tensors["final_layer_norm.bias"],
        "text_projection": draw(width, width),
        "logit_scale": draw(1)[0],
    }
    for layer in range(layers + 1):
        old = f"encoder.layers.{min(layer, layers - 1)}"
        layer_names = {}
        for kind in ["weight", "bias"]:
            parts = [tensors[f"{old}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            layer_names[f"attn.in_proj_{kind}"] = torch.cat(parts)
            for ours, theirs in [
                ("attn.out_proj", "self_attn.out_proj"),
                ("ln_1", "layer_norm1"),
                ("ln_2", "layer_norm2"),
                ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"),
            ]:
                layer_names[f"{ours}.{kind}"] = tensors[f"{old}.{theirs}.{kind}"]
        for name, tensor in layer_names.items():
            unused = layer == layers
            names[f"transformer.resblocks.{layer}.{name}"] = draw(*tensor.shape) if unused else tensor
    return {f"cond_stage_model.model.{name}": tensor for name, tensor in names.items()}


def clip_tensors(encoder):
    """transformers' CLIPTextModel, as Stable Diffusion 1 has it."""
    tensors = {}
    for name, tensor in encoder.state_dict().items():
        name = name.removeprefix("text_model.")
        tensors[f"cond_stage_model.transformer.text_model.{name}"] = tensor
    ids = torch.arange(encoder.config.max_position_embeddings)[None]
    tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = ids
    return tensors


def save_torch(tensors, path):
    """Saves as training does: under `state_dict`, beside what has no place in a model."""
    lightning = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    lightning.ModelCheckpoint = type(
        "ModelCheckpoint", (), {"__module__": lightning.__name__, "__qualname__": "ModelCheckpoint"}
    )
    for name in ["pytorch_lightning", "pytorch_lightning.callbacks"]:
        sys.modules[name] = types.ModuleType(name)
    sys.modules[lightning.__name__] = lightning

    state = OrderedDict(tensors)
    names = list(state)
    convolution = next(name for name in names if name.endswith("out_layers.3.weight"))
    state[convolution] = state[convolution].to(memory_format=torch.channels_last)
    matrix = next(name for name in names if name.endswith("to_q.weight"))
    state[matrix] = state[matrix].T.contiguous().T
    row = next(name for name in names if name.endswith("norm1.weight"))
    state[row] = torch.stack([state[row] * 0, state[row], state[row] * 2])[1]
    parameter = next(name for name in names if name.endswith("norm2.weight"))
    state[parameter] = torch.nn.Parameter(state[parameter], requires_grad=False)
    formats = [torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.int32]
    formats += [torch.int16, torch.int8, torch.uint8, torch.bool]
    for dtype in formats:
        name = f"first_stage_model.loss.{str(dtype).removeprefix('torch.')}"
        state[name] = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(dtype)
    state["first_stage_model.loss.empty"] = torch.zeros(0, 3)
    state["betas"] = torch.linspace(0, 1, 5)
    state["model_ema.num_updates"] = torch.tensor(7)
    torch.save(
        {
            "epoch": 3,
            "global_step": 2**40,
            "pytorch-lightning_version": "1.4.2",
            "state_dict": state,
            "callbacks": {
                lightning.ModelCheckpoint: {"best": numpy.float64(0.5), "path": "last.ckpt"},
                "state": lightning.ModelCheckpoint(),
            },
            "optimizer_states": [{"lr": 1e-4, "seen": {1, 2}}],
            "hyper_parameters": None,
        },
        path,
    )


@torch.no_grad()
def make(name, unet, vae, text, fused):
    folder = HERE / name
    generator = torch.Generator().manual_seed(SEED)

    def draw(*shape):
        return torch.randn(*shape, generator=generator).to(torch.float16)

    unet, vae = UNet2DConditionModel(**unet), AutoencoderKL(**vae)
    text = CLIPTextModel(CLIPTextConfig(**text))
    for folder_name, model in [("unet", unet), ("vae", vae), ("text_encoder", text)]:
        randomize(model, generator)
        model.to(torch.float16).save_pretrained(folder / "diffusers" / folder_name)
    is_upscaler = unet.config.num_class_embeds is not None
    beta_start, beta_end = (0.0001, 0.02) if is_upscaler else (0.00085, 0.012)
    betas = dict(beta_start=beta_start, beta_end=beta_end, beta_schedule="scaled_linear")
    DDIMScheduler(
        **betas,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction" if fused else "epsilon",
    ).save_pretrained(folder / "diffusers" / "scheduler")
    index = {"_class_name": "StableDiffusionPipeline"}
    if is_upscaler:
        DDPMScheduler(**betas).save_pretrained(folder / "diffusers" / "low_res_scheduler")
        index = {"_class_name": "StableDiffusionUpscalePipeline", "max_noise_level": 9}
    (folder / "diffusers" / "model_index.json").write_text(json.dumps(index) + "\n")
    tokenizer = folder / "diffusers" / "tokenizer"
    tokenizer.mkdir()
    words = ["a", "b", "c", "d", "e", "f", "a</w>", "b</w>", "c</w>", "d</w>", "e</w>", "ab</w>"]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    (tokenizer / "vocab.json").write_text(json.dumps(vocabulary) + "\n")
    (tokenizer / "merges.txt").write_text("#version: 0.2\na b</w>\n")

    tensors = unet_tensors(unet) | vae_tensors(vae)
    tensors |= open_clip_tensors(text, draw) if fused else clip_tensors(text)
    stray = {"model_ema.decay": torch.tensor(0.9999), "betas": torch.linspace(0, 1, 5)}
    file = folder / "checkpoint.safetensors"
    save_file({key: value.contiguous() for key, value in (tensors | stray).items()}, file)
    if name == "sd2":
        save_torch(tensors, folder / "checkpoint.ckpt")


def full_shapes():
    """Names and shapes of full-size checkpoints, from the published configurations."""
    down = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    sd2 = dict(
        block_out_channels=(320, 640, 1280, 1280),
        down_block_types=down,
        up_block_types=up,
        attention_head_dim=[5, 10, 20, 20],
        cross_attention_dim=1024,
        use_linear_projection=True,
    )
    sd1 = sd2 | dict(attention_head_dim=8, cross_attention_dim=768, use_linear_projection=False)
    x4 = sd2 | dict(
        in_channels=7,
        block_out_channels=(256, 512, 512, 1024),
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3 + ("UpBlock2D",),
        attention_head_dim=8,
        only_cross_attention=(True, True, True, False),
        num_class_embeds=1000,
    )
    vae = dict(layers_per_block=2)

    def vae_of(*channels):
        blocks = len(channels)
        return vae | dict(
            block_out_channels=channels,
            down_block_types=("DownEncoderBlock2D",) * blocks,
            up_block_types=("UpDecoderBlock2D",) * blocks,
        )

    open_clip = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23)
    clip = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12)
    models = {
        "sd1": (sd1, vae_of(128, 256, 512, 512), clip),
        "sd2": (sd2, vae_of(128, 256, 512, 512), open_clip),
        "x4": (x4, vae_of(128, 256, 512), open_clip),
    }
    shapes = {}
    for name, (unet, vae, text) in models.items():
        with torch.device("meta"):
            unet, vae = UNet2DConditionModel(**unet), AutoencoderKL(**vae)
            text = CLIPTextModel(CLIPTextConfig(**text))
            tensors = unet_tensors(unet) | vae_tensors(vae)
            if name == "sd1":
                tensors |= clip_tensors(text)
            else:
                tensors |= open_clip_tensors(text, lambda *shape: torch.empty(*shape))
        shapes[name] = {key: list(value.shape) for key, value in tensors.items()}
    text = json.dumps(shapes, sort_keys=True).encode()
    (HERE / "shapes.json.gz").write_bytes(gzip.compress(text, compresslevel=9, mtime=0))


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(HERE, ignore_errors=True)
    make("sd2", UNET2, VAE2, TEXT, fused=True)
    make("x4", UNET4, VAE4, TEXT, fused=True)
    make("sd1", UNET1, VAE1, TEXT | {"hidden_act": "quick_gelu"}, fused=False)
    full_shapes()
