"""Names the tensors of CompVis' AutoencoderKL (ldm/modules/diffusionmodules/model.py)."""

from .names import both_ends


def vae_names(config):
    """Maps the names of CompVis' AutoencoderKL to those of diffusers."""
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


def vae_tensors(vae):
    tensors = vae.state_dict()
    names = vae_names(vae.config)
    assert sorted(names.values()) == sorted(tensors), set(names.values()) ^ set(tensors)

    def shaped(new, tensor):
        is_projection = "attn_1" in new and new.endswith("weight") and ".norm." not in new
        return tensor[:, :, None, None] if is_projection else tensor

    return {f"first_stage_model.{new}": shaped(new, tensors[old]) for new, old in names.items()}
