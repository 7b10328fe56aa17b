"""Saves a checkpoint in the way in which training saves it."""

import sys
import types
from collections import OrderedDict

import numpy
import torch


def save_torch(tensors, path):
    """Saves the tensors in a dictionary called `state_dict`, together with objects that only training
    needs."""
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
