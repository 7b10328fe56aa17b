"""The picture and the mask of the guide: a crown without a wearer, and all but the crown."""
import numpy as np
from PIL import Image

from masks import grown
from pictures import BACKGROUNDS, ground, placed
from scenes import OPAQUE

BACKGROUND = "blue"


def picture_and_mask(names, objects):
    """The picture in [0, 1], and its mask."""
    crown = placed(objects[names.index("crown")], 0.42, 0, -36)
    # Without a shadow: nobody knows yet what the crown will lie on.
    picture = ground(BACKGROUNDS[BACKGROUND]) * (1 - crown[..., 3:]) + crown[..., :3]
    return picture, ~grown(crown[..., 3] > OPAQUE, 2)


def write(names, objects, target):
    """Writes `crown.png` and `crown-mask.png`."""
    picture, mask = picture_and_mask(names, objects)
    Image.fromarray((picture * 255).round().astype(np.uint8)).save(target / "crown.png")
    Image.fromarray(mask.astype(np.uint8) * 255).save(target / "crown-mask.png")
