"""Masks, at the pictures' size: True is repainted."""
import numpy as np
from PIL import Image, ImageFilter

from pictures import COLUMNS, ROWS, SIDE

LATENT = 8


def grown(shape, pixels):
    """A shape and all that is within so many pixels of it."""
    image = Image.fromarray(shape.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MaxFilter(2 * pixels + 1))) > 127


def box(shape, margin):
    """The box around a shape, with a margin in pixels."""
    rows, columns = np.where(shape.any(1))[0], np.where(shape.any(0))[0]
    mask = np.zeros((SIDE, SIDE), bool)
    top, left = max(0, rows[0] - margin), max(0, columns[0] - margin)
    mask[top:rows[-1] + margin + 1, left:columns[-1] + margin + 1] = True
    return mask


def ellipse(shape, margin):
    """An ellipse around the box of a shape; where they are narrow, it leaves out corners."""
    rows, columns = np.where(shape.any(1))[0], np.where(shape.any(0))[0]
    middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
    radii = (rows[-1] - rows[0]) * 0.62 + margin, (columns[-1] - columns[0]) * 0.62 + margin
    return ((ROWS - middle[0]) / radii[0]) ** 2 + ((COLUMNS - middle[1]) / radii[1]) ** 2 < 1


def half(generator):
    """All beyond a straight line through the middle part of the picture."""
    angle = generator.uniform(0, 2 * np.pi) if generator.random() < 0.5 else generator.randrange(4) * np.pi / 2
    across = (COLUMNS - SIDE / 2) * np.cos(angle) + (ROWS - SIDE / 2) * np.sin(angle)
    return across > generator.uniform(-0.25, 0.2) * SIDE


def anywhere(generator):
    """A box or an ellipse of any place and size."""
    high, wide = (generator.uniform(0.25, 0.95) * SIDE for _ in range(2))
    top, left = generator.uniform(0, SIDE - high), generator.uniform(0, SIDE - wide)
    inside = (ROWS >= top) & (ROWS < top + high) & (COLUMNS >= left) & (COLUMNS < left + wide)
    return inside if generator.random() < 0.5 else ellipse(inside, 0)


def around(shape, generator):
    """A mask over a shape: its box, an ellipse, or its own outline, with a margin."""
    margin = generator.randint(2, 12)
    kind = generator.random()
    if kind < 0.4:
        return box(shape, margin)
    return ellipse(shape, margin) if kind < 0.65 else grown(shape, margin)
