"""Random weights for models that only tests and measurements use."""

import torch


@torch.no_grad()
def randomize(model, generator):
    """Replaces every parameter by random numbers of a size that keeps activations near 1.

    Biases and norms too, so that a swapped or forgotten one shows.
    """
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator, device=generator.device)
        if parameter.ndim > 1:
            value = noise * parameter[0].numel() ** -0.5
        else:
            value = noise * 0.2 + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        parameter.copy_(value)
