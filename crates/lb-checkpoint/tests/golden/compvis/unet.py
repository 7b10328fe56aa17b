"""Names the tensors of CompVis' UNetModel (ldm/modules/diffusionmodules/openaimodel.py)."""

from .names import both_ends


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
    """Maps the names of CompVis' UNetModel to those of diffusers."""
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


def unet_tensors(unet):
    tensors = unet.state_dict()
    names = unet_names(unet.config)
    assert sorted(names.values()) == sorted(tensors), set(names.values()) ^ set(tensors)
    return {f"model.diffusion_model.{new}": tensors[old] for new, old in names.items()}
