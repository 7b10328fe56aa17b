"""The bar: 24 shapes that are made of something else, drawn by chance once and for all.

Whoever judges them sees the pictures alone. Shapes and prompts are drawn, so that nobody has chosen easy ones.
"""
import random

import numpy as np
import torch

import scenes
from pictures import BACKGROUNDS, ground, placed
from relief import depth_channel, relief

CASES = 24
SEED = 2026
# A pixel belongs to the object if a channel is so many grey levels away from the background.
DIFFERENT = 40


def cases(names, objects):
    """Silhouettes in [0, 1], and prompts that name a material."""
    generator, usable, silhouettes, prompts = random.Random(SEED), scenes.materials(names), [], []
    for _ in range(CASES):
        canvas = placed(objects[generator.randrange(len(objects))], 0.85, 0, 0)
        silhouettes.append(canvas[..., 3])
        prompts.append(names[generator.choice(usable)])
    return silhouettes, prompts


def overlap(picture, silhouette):
    """The intersection over union of a shape on a white ground and a silhouette."""
    found = (np.abs(picture - ground(BACKGROUNDS["white"])).max(-1) * 255) > DIFFERENT
    wanted = silhouette > scenes.OPAQUE
    return (found & wanted).sum() / (found | wanted).sum()


def draw(unet, names, objects, sample):
    """Silhouettes, the pictures that are drawn along their reliefs, and prompts."""
    silhouettes, prompts = cases(names, objects)
    heights = np.stack([relief(silhouette) for silhouette in silhouettes]).astype(np.float32)
    depth = depth_channel(torch.from_numpy(heights)[:, None])
    return silhouettes, sample(unet, depth, prompts), prompts
