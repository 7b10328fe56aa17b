"""The shipped directory, and sheets of what the bar asks for."""
import numpy as np

import example
import extra_channels
import judged
import stages
from assemble import grid


def write(unet, work, log):
    """Writes `pocket-depth` below the work folder, and beside it the judged pictures without and with prompts."""
    target = work / "pocket-depth"
    unet = extra_channels.write(unet, target, "StableDiffusionDepth2ImgPipeline")
    names, objects = stages.load_objects(work)
    example.write(names, objects, target)
    silhouettes, pictures, prompts = judged.draw(unet, names, objects, extra_channels.sample)
    sheet(pictures, [""] * len(pictures)).save(work / "judged.png")
    sheet(pictures, prompts).save(work / "samples.png")
    overlaps = [judged.overlap(picture, silhouette) for picture, silhouette in zip(pictures, silhouettes)]
    log(f"overlap with the map's shape {np.mean(overlaps):.3f}, at least {min(overlaps):.3f}: {target}")


def sheet(pictures, captions):
    return grid([(picture * 255).round().astype(np.uint8) for picture in pictures], captions)
