"""The training set: pocket's pictures and scenes of two objects, each with a mask and what is under it.

A scene of two has a keepsake, which the mask leaves alone, and an object that the caption names.
"""
import random

import numpy as np
import torch

import masks
from pictures import BACKGROUNDS, HUES, ground, has_one_hue, placed, put, recolour

OPAQUE = 0.3
# What share of the loss a place has that is kept: the film shows the source's own pixels there.
KEPT_WEIGHT = 0.25


def drawn(objects, generator):
    """An object, sometimes in another hue: its index, the hue or None, its picture."""
    index = generator.randrange(len(objects))
    rgba, hue = objects[index], None
    if generator.random() < 0.3 and has_one_hue(rgba):
        hue = generator.choice(list(HUES))
        rgba = recolour(rgba, hue)
    return index, hue, rgba if generator.random() < 0.5 else rgba[:, ::-1]


def alone(named, generator):
    """One object as pocket draws it, and a mask of any kind."""
    canvas = placed(named, generator.uniform(0.80, 0.90), generator.randint(-4, 4), generator.randint(-4, 4))
    shape = canvas[..., 3] > OPAQUE
    kind = generator.random()
    if kind < 0.25:
        mask = masks.around(shape, generator)
    elif kind < 0.5:
        mask = masks.half(generator)
    elif kind < 0.75:
        mask = masks.anywhere(generator)
    elif kind < 0.88:
        mask = ~masks.grown(shape, generator.randint(1, 6))
    else:
        mask = np.ones_like(shape)
    return [canvas], mask


def beside(named, keepsake, generator):
    """Two objects side by side, of which the mask covers one."""
    for _ in range(50):
        scales = generator.uniform(0.5, 0.75), generator.uniform(0.25, 0.45)
        if generator.random() < 0.2:
            scales = scales[::-1]
        canvases = [placed(rgba, scale, *(round(generator.uniform(-64, 64)) for _ in range(2)))
                    for rgba, scale in zip((named, keepsake), scales)]
        shape, kept = (canvas[..., 3] > OPAQUE for canvas in canvases)
        if not (masks.grown(shape, 3) & masks.grown(kept, 3)).any():
            break
    if generator.random() < 0.5:
        mask = ~masks.around(kept, generator)
    else:
        mask = masks.around(shape, generator) & ~masks.grown(kept, 2)
    return canvases, mask


def on_top(named, keepsake, generator):
    """A keepsake in front of an object, most often on its head like a hat; the mask leaves its outline alone."""
    scale, size = generator.uniform(0.6, 0.8), generator.uniform(0.28, 0.45)
    head = generator.random() < 0.7
    across = generator.randint(-8, 8) if head else generator.randint(-40, 40)
    down = round(-64 + size * 64 + generator.uniform(0, 12)) if head else generator.randint(-40, 40)
    canvases = [placed(named, scale, generator.randint(-4, 4), generator.randint(8, 24)),
                placed(keepsake, size, across, down)]
    return canvases, ~masks.grown(canvases[1][..., 3] > OPAQUE, generator.randint(1, 4))


def scene(objects, generator):
    """A picture, its mask, and what the caption may say: object, hue, background."""
    index, hue, named = drawn(objects, generator)
    background = "white" if generator.random() < 0.3 else generator.choice(list(BACKGROUNDS))
    kind = generator.random()
    if kind < 0.4:
        canvases, mask = alone(named, generator)
    else:
        keepsake = drawn(objects, generator)[2]
        canvases, mask = (beside if kind < 0.75 else on_top)(named, keepsake, generator)
    picture = ground(BACKGROUNDS[background])
    for canvas in canvases:
        picture = put(picture, canvas)
    return picture, mask, (index, hue, background)


def to_tensor(pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1


@torch.no_grad()
def encode(autoencoder, pictures, drawn_masks):
    """Clean latents, the five channels beside them, and the weights of the loss."""
    clean, mask = to_tensor(pictures), torch.from_numpy(np.stack(drawn_masks))[:, None].float()
    # As diffusers: the middle of the range under the mask, and every eighth pixel of the mask.
    encoded = autoencoder.encode(torch.cat([clean, clean * (1 - mask)])).latent_dist.mean
    latents, masked = encoded.chunk(2)
    mask = mask[..., ::masks.LATENT, ::masks.LATENT]
    weight = KEPT_WEIGHT + (1 - KEPT_WEIGHT) * mask
    return dict(clean=latents, extra=torch.cat([mask, masked], 1), weight=weight)


def build(autoencoder, objects, count, seed, log, batch=16):
    """The examples in half precision, and for each what its caption may say."""
    generator, parts, told = random.Random(seed), [], []
    for first in range(0, count, batch):
        pictures, drawn_masks, what = zip(*(scene(objects, generator) for _ in range(min(batch, count - first))))
        parts.append(encode(autoencoder, pictures, drawn_masks))
        told += what
        if first % (batch * 32) == 0:
            log(f"{first} of {count} scenes")
    return {part: torch.cat([each[part] for each in parts]).half() for part in parts[0]}, told
