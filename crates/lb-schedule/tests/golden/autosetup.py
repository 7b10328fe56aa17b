"""Writes autosetup.csv: trees that `BranchingProfile::autosetup` must reproduce.

It follows the rule of the first implementation of the method, in which numpy did the spacing and the
rounding.

    python3 autosetup.py                          # the sample that the tests read
    python3 autosetup.py --all > all.csv          # every case, for a check by hand
"""

import random
import sys
from pathlib import Path

import numpy as np

DEPTHS = [0.0, 0.05, 0.2, 0.25, 0.4, 0.5, 0.65, 0.8, 0.95, 1.0]
CASES = [(n, k, d) for n in range(4, 121) for k in range(2, 51) for d in DEPTHS]
LARGE = [(2, 3), (3, 9), (200, 100), (250, 500), (500, 1000), (999, 33), (1000, 10000)]


def autosetup(steps, frames, depth):
    first = min(int(np.round(steps * depth)), steps - 1)
    last = steps - 3
    count = max(1, steps // 5 - 1)
    injections = [0] + [int(x) for x in np.linspace(first, last, count)]
    counts = np.logspace(np.log10(2), np.log10(frames), count + 1)
    counts = [int(x) for x in np.round(counts)]
    kept = [(injections[0], counts[0])]
    for injection, branches in zip(injections[1:], counts[1:]):
        if injection - kept[-1][0] >= 3 and branches > kept[-1][1]:
            kept.append((injection, branches))
    if len(kept) > 1:
        kept[-1] = (kept[-1][0], frames)
    elif frames > 2:
        kept.append((min(max(first, 1), steps - 1), frames))
    return kept


def lines(cases):
    yield "steps,frames,depth_strength,branch_counts,injection_steps"
    for steps, frames, depth in cases:
        kept = autosetup(steps, frames, depth)
        counts = " ".join(str(branches) for _, branches in kept)
        injections = " ".join(str(injection) for injection, _ in kept)
        yield f"{steps},{frames},{depth},{counts},{injections}"


def main():
    if "--all" in sys.argv:
        print(*lines(CASES), sep="\n")
        return
    cases = sorted(random.Random(0).sample(CASES, 400))
    cases += [(n, k, d) for n, k in LARGE for d in (0.1, 0.6)]
    sample = "".join(f"{line}\n" for line in lines(cases))
    (Path(__file__).parent / "autosetup.csv").write_text(sample)


if __name__ == "__main__":
    main()
