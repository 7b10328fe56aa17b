"""The training set: objects with the relief of their own shape, and shapes made of other things.

A shape that is made of a watermelon has a watermelon's colours and patterns and another object's outline. Its
caption names only the watermelon: the outline comes from the depth map.
"""
import random

import numpy as np
import torch
from PIL import Image

from pictures import BACKGROUNDS, HUES, ground, has_one_hue, placed, put, recolour, resize, straight
from relief import blurred, depth_channel, relief, shading

OWN_SHARE = 0.4
OPAQUE = 0.3
# Objects that are recognised by their colours and patterns alone.
MATERIALS = """
grapes, watermelon, orange, lemon, pineapple, red apple, green apple, strawberry, blueberries, kiwi, tomato,
avocado, eggplant, carrot, corn, cucumber, broccoli, bread, pretzel, cheese wedge, hamburger, pizza, popcorn,
doughnut, cookie, birthday cake, butterfly, ladybug, rose, sunflower, cactus, four leaf clover, mushroom, rainbow,
fire, earth, full moon, soccer ball, basketball, diamond, wrapped gift
"""


def materials(names):
    wanted = {name.strip() for name in MATERIALS.replace("\n", " ").split(",")}
    return [index for index, name in enumerate(names) if name in wanted]


def spread(rgba):
    """An object's colours, continued beyond its edge."""
    colour, weight = rgba[..., :3] * (rgba[..., 3:] > 0.9), (rgba[..., 3] > 0.9).astype(np.float32)
    filled = straight(rgba) * weight[..., None]
    missing = weight < 0.5
    for radius in (2, 6, 16, 48):
        amount = blurred(weight, radius)
        enough = missing & (amount > 0.02)
        near = np.stack([blurred(np.clip(colour[..., c], 0, 1), radius) for c in range(3)], -1)
        filled[enough] = near[enough] / amount[enough, None]
        missing &= ~enough
    filled[missing] = colour.sum((0, 1)) / max(weight.sum(), 1)
    return np.clip(filled, 0, 1)


def box_of(alpha):
    rows, columns = np.where((alpha > 0.5).any(1))[0], np.where((alpha > 0.5).any(0))[0]
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def made_of(canvas, material, generator):
    """The placed shape with the colours and patterns of a material, lit as a relief."""
    top, bottom, left, right = box_of(material[..., 3])
    colours = np.concatenate([spread(material), np.ones_like(material[..., :1])], -1)[top:bottom, left:right]
    above, below, before, behind = box_of(canvas[..., 3])
    side = max(below - above, behind - before) * generator.uniform(0.95, 1.15)
    fitted = resize(colours, int(round(side)), Image.BICUBIC)
    # The middle of the one comes to lie on the middle of the other.
    first_row, first_column = (int((low + high - side) / 2) for low, high in ((above, below), (before, behind)))
    rows = np.clip(np.arange(canvas.shape[0]) - first_row, 0, len(fitted) - 1)
    columns = np.clip(np.arange(canvas.shape[1]) - first_column, 0, len(fitted) - 1)
    alpha = canvas[..., 3:]
    lit = np.clip(fitted[rows][:, columns, :3] * shading(relief(canvas[..., 3]))[..., None], 0, 1)
    return np.concatenate([lit * alpha, alpha], -1)


def scene(objects, usable, generator):
    """A picture, the heights of its relief, and what the caption may say: object, hue, background."""
    index, hue = generator.randrange(len(objects)), None
    rgba = objects[index]
    background = "white" if generator.random() < 0.5 else generator.choice(list(BACKGROUNDS))
    is_own = generator.random() < OWN_SHARE
    if is_own and generator.random() < 0.4 and has_one_hue(rgba):
        hue = generator.choice(list(HUES))
        rgba = recolour(rgba, hue)
    if generator.random() < 0.5:
        rgba = rgba[:, ::-1]
    canvas = placed(rgba, generator.uniform(0.65, 0.92), generator.randint(-10, 10), generator.randint(-10, 10))
    heights = relief(canvas[..., 3])
    if not is_own:
        index = generator.choice(usable)
        canvas = made_of(canvas, objects[index], generator)
    return put(ground(BACKGROUNDS[background]), canvas), heights, (index, hue, background)


@torch.no_grad()
def encode(autoencoder, pictures, heights):
    """Clean latents, the channel of depth beside them, and equal weights of the loss."""
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1
    latents = autoencoder.encode(batch).latent_dist.mean
    depth = depth_channel(torch.from_numpy(np.stack(heights).astype(np.float32))[:, None])
    return dict(clean=latents, extra=depth, weight=torch.ones_like(depth))


def build(autoencoder, names, objects, count, seed, log, batch=16):
    """The examples in half precision, and for each what its caption may say."""
    generator, usable, parts, told = random.Random(seed), materials(names), [], []
    for first in range(0, count, batch):
        drawn = [scene(objects, usable, generator) for _ in range(min(batch, count - first))]
        pictures, heights, what = zip(*drawn)
        parts.append(encode(autoencoder, pictures, heights))
        told += what
        if first % (batch * 32) == 0:
            log(f"{first} of {count} scenes")
    return {part: torch.cat([each[part] for each in parts]).half() for part in parts[0]}, told
