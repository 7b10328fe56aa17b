"""Trains the inpainting model from pocket; see ../README.md.

Every part of the work that is finished is kept in the work folder: repeat the same command after an
interruption, and it continues.
"""
import argparse
import sys
import time
from pathlib import Path

import torch

# What does not differ is pocket's.
sys.path.append(str(Path(__file__).resolve().parents[2] / "pocket/train"))

# How often a caption says what the background is.
TOLD_SHARE = 0.8


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("target/train-pocket-inpaint"))
    parser.add_argument("--scenes", type=int, default=4096)
    parser.add_argument("--minutes", type=float, default=90, help="of the denoiser's training")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    started = time.time()

    def log(message):
        print(f"[{(time.time() - started) / 60:6.1f}] {message}", flush=True)

    import checkpoint
    import directory
    import extra_channels
    import scenes
    import stages
    from captions import Captioner

    stages.data(given, log)
    names, objects = stages.load_objects(given.work)
    kept = checkpoint.load(given.work / "scenes.pt")
    if kept is None:
        kept = scenes.build(extra_channels.autoencoder(), objects, given.scenes, stages.SEED, log)
        checkpoint.save(given.work / "scenes.pt", kept)
    examples, told = kept
    captioner = Captioner(names, objects, stages.SEED)

    def caption_of(example):
        index, hue, background = told[example]
        # Else, it has to be seen in what is kept.
        if captioner.generator.random() < TOLD_SHARE:
            return captioner.draw(index, hue, background)
        return captioner.draw_object(index, hue)

    torch.manual_seed(stages.SEED)
    unet = extra_channels.train(extra_channels.widened(5), examples, caption_of, given.work, given.minutes,
                                given.batch, given.learning_rate, log)
    directory.write(unet, given.work, log)


if __name__ == "__main__":
    main()
