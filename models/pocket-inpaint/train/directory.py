"""The shipped directory, and sheets of what the bar asks for."""
import numpy as np

import example
import extra_channels
import judged
import stages
from assemble import grid


def write(unet, work, log):
    """Writes `pocket-inpaint` below the work folder, and beside it sheets of the bar and of the harder test.

    Each sheet is written without prompts and with them.
    """
    target = work / "pocket-inpaint"
    unet = extra_channels.write(unet, target, "StableDiffusionInpaintPipeline")
    names, objects = stages.load_objects(work)
    example.write(names, objects, target)
    for name, cases in (("crowned", judged.crowned), ("by-chance", judged.by_chance)):
        holes, results, masks, prompts = judged.draw(
            unet, cases(names, objects), extra_channels.autoencoder(), extra_channels.sample)
        sheet([*holes, *results], [""] * 2 * len(results)).save(work / f"{name}.png")
        sheet(results, prompts).save(work / f"{name}-prompts.png")
        steps = np.array([judged.seam(result, mask) for result, mask in zip(results, masks)])
        log(f"{name}: steps of {steps[:, 0].mean():.2f} grey levels across edges, {steps[:, 1].mean():.2f} inside")
    log(f"{target}")


def sheet(pictures, captions):
    return grid([(picture * 255).round().astype(np.uint8) for picture in pictures], captions)
