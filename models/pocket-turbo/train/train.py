"""Distils the pocket model into one that draws in 1 to 8 steps without guidance; see ../README.md.

Every part of the work that is finished is kept in the work folder: repeat the same command after an
interruption, and it continues.
"""
import argparse
import sys
import time
from pathlib import Path

import torch

import prompts

# Checkpoints and the judged prompts are pocket's.
sys.path.append(str(Path(__file__).resolve().parents[2] / "pocket/train"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("target/train-pocket-turbo"))
    parser.add_argument("--init", type=Path, default=prompts.POCKET, help="the model whose UNet is trained")
    parser.add_argument("--walks", type=int, default=6144, help="walks of the teacher")
    parser.add_argument("--minutes", type=float, default=75, help="of the student's training")
    parser.add_argument("--batch", type=int, default=6, help="walks in a batch of four steps")
    parser.add_argument("--teacher-batch", type=int, default=32)
    parser.add_argument("--pictures", type=int, default=6144, help="pictures for the quick autoencoder")
    parser.add_argument("--autoencoder-minutes", type=float, default=45)
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    given = arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    started = time.time()

    def log(message):
        print(f"[{(time.time() - started) / 60:6.1f}] {message}", flush=True)

    import directory
    import quick_autoencoder
    import student
    import teacher

    points, ids = teacher.walks(given.work, given.walks, given.teacher_batch, given.device, log)
    log(f"{len(points)} walks")
    torch.manual_seed(0)
    unet = student.train(points, ids, given.work, given.init, given.minutes, given.batch, given.learning_rate,
                         given.device, log)
    autoencoder = quick_autoencoder.train(unet, given.work, given.pictures, given.autoencoder_minutes,
                                          given.teacher_batch, given.device, log)
    directory.write(unet, autoencoder, given.work, given.device, log)


if __name__ == "__main__":
    main()
