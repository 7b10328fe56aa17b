"""Saving so that a killed run loses minutes: written beside, then renamed."""
import os
from pathlib import Path

import torch


def save(path, state):
    path = Path(path)
    beside = path.with_suffix(".partial")
    torch.save(state, beside)
    os.replace(beside, path)


def load(path):
    """The saved state, or None where there is none."""
    path = Path(path)
    return torch.load(path, weights_only=False) if path.exists() else None
