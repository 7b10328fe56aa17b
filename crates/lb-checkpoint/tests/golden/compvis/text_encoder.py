"""Names the tensors of the text encoders of Stable Diffusion 2 (open_clip/transformer.py) and 1
(transformers)."""

import torch


def open_clip_tensors(encoder, draw):
    """Returns the tensors of OpenCLIP's text transformer. Its last layer, which Stable Diffusion 2 does
    not use, is drawn at random."""
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
    """Returns the tensors of transformers' CLIPTextModel, with their names in Stable Diffusion 1."""
    tensors = {}
    for name, tensor in encoder.state_dict().items():
        name = name.removeprefix("text_model.")
        tensors[f"cond_stage_model.transformer.text_model.{name}"] = tensor
    ids = torch.arange(encoder.config.max_position_embeddings)[None]
    tensors["cond_stage_model.transformer.text_model.embeddings.position_ids"] = ids
    return tensors
