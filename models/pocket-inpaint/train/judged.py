"""The bar, and a harder test that it does not ask for.

The bar: all but the crown of the example is repainted, with each of pocket's 24 judged objects. Whoever judges
them sees the pictures alone, in another order. The harder test: 24 scenes, masks and objects drawn by chance.
"""
import random

import numpy as np

import example
import scenes
from assemble import JUDGED
from pictures import BACKGROUNDS, ground, put

CASES = 24
SEED = 2026


def crowned(names, objects):
    """The example's picture and mask, and the judged objects on its background, in an order drawn by chance."""
    picture, mask = example.picture_and_mask(names, objects)
    prompts = [f"{prompt.split(' on a ')[0]}, {example.BACKGROUND} background" for prompt in JUDGED]
    random.Random(SEED).shuffle(prompts)
    return [picture] * len(prompts), [mask] * len(prompts), prompts


def by_chance(names, objects):
    """Sources, masks, and prompts that name an object and the background.

    A third of the keepsakes lies on top, a third beside, and in the last third only a box around the other object
    is repainted.
    """
    generator, drawn = random.Random(SEED), []
    for place in range(CASES):
        asked, before, keepsake = generator.sample(range(len(objects)), 3)
        layout = scenes.on_top if place % 3 == 0 else scenes.beside
        canvases, mask = layout(objects[before], objects[keepsake], generator)
        shape, kept = (canvas[..., 3] > scenes.OPAQUE for canvas in canvases)
        if place % 3 == 1:
            mask = ~scenes.masks.box(kept, 5)
        elif place % 3 == 2:
            mask = scenes.masks.box(shape, 8) & ~scenes.masks.grown(kept, 2)
        background = generator.choice(list(BACKGROUNDS))
        picture = ground(BACKGROUNDS[background])
        for canvas in canvases:
            picture = put(picture, canvas)
        drawn.append((picture, mask, f"{names[asked]}, {background} background"))
    return zip(*drawn)


def steps(picture, mask, count):
    """The mean difference in grey levels between those neighbouring pixels of which `count` is true, given whether
    each of the two is repainted."""
    grey, counted = picture.mean(-1) * 255, []
    for axis in (0, 1):
        ahead, behind = (np.delete(mask, end, axis) for end in (0, -1))
        counted.append(np.abs(np.diff(grey, axis=axis))[count(ahead, behind)])
    return float(np.concatenate(counted).mean())


def seam(picture, mask):
    """The mean step across the mask's edge, and the mean step inside of what is repainted."""
    return steps(picture, mask, np.not_equal), steps(picture, mask, np.logical_and)


def draw(unet, cases, autoencoder, sample):
    """Sources without what is repainted, results with the kept pixels over them, masks and prompts."""
    pictures, masks, prompts = cases
    extra = scenes.encode(autoencoder, pictures, masks)["extra"]
    made = sample(unet, extra, prompts)
    results = [np.where(mask[..., None], new, old) for new, old, mask in zip(made, pictures, masks)]
    return [np.where(mask[..., None], 0.5, old) for old, mask in zip(pictures, masks)], results, masks, prompts
