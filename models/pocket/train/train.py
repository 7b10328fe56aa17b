"""Trains the pocket model, from emoji pictures to a diffusers directory; see ../README.md.

Every stage leaves its result in the work folder and is skipped when that is there, and a killed
stage continues from its last checkpoint: repeat the same command.
"""
import argparse
import time
from pathlib import Path

import torch


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("target/train-pocket"))
    parser.add_argument("--init", type=Path, help="a pocket model to continue from")
    parser.add_argument("--minutes", type=float, default=240, help="of the denoiser's training")
    parser.add_argument("--autoencoder-minutes", type=float, default=15)
    parser.add_argument("--decoder-minutes", type=float, default=6)
    parser.add_argument("--learning-rate", type=float, default=4e-4)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    started = time.time()

    def log(message):
        print(f"[{(time.time() - started) / 60:6.1f}] {message}", flush=True)

    import stages

    stages.data(given, log)
    stages.tokenizer(given, log)
    stages.autoencoder(given, log)
    stages.latents(given, log)
    stages.denoiser(given, log)
    stages.decoder(given, log)
    stages.directory(given, log)


if __name__ == "__main__":
    main()
