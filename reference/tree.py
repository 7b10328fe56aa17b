"""The branching tree: where branches lie, who their parents are, how they are mixed."""

import numpy as np
import torch


def fixed_fractions(count, mid_compression):
    u = np.linspace(-1.0, 1.0, count)
    return list(0.5 + 0.5 * np.sign(u) * np.abs(u) ** mid_compression)


def perceptual_fractions(count, parent_fractions, predictions, channel_weights):
    """Fractions at which the cumulative distance of the known branches' predictions is even."""
    distances = [
        float(((right - left).double().square().sum((0, 2, 3)) * channel_weights).sum().sqrt())
        for left, right in zip(predictions, predictions[1:])
    ]
    if len(distances) == 1 or max(distances) == 0.0:
        return fixed_fractions(count, 1.0)
    cumulative = np.concatenate([[0.0], np.cumsum(distances)])
    targets = np.linspace(0.0, cumulative[-1], count)
    fractions = list(np.interp(targets, cumulative, parent_fractions))
    return [0.0] + fractions[1:-1] + [1.0]


def parents(level_above, fraction):
    """Index of the left parent, index of the right parent, share of the right one."""
    for left, (low, high) in enumerate(zip(level_above, level_above[1:])):
        if low <= fraction <= high and high > low:
            return left, left + 1, (fraction - low) / (high - low)
    raise ValueError(f"{fraction} lies outside of {level_above}")


def guidance_at(scale, damper, fraction):
    return scale - (scale - 1.0) * (1.0 - damper) * (1.0 - abs(2.0 * fraction - 1.0))


def lerp(left, right, mix):
    return ((1.0 - mix) * left.double() + mix * right.double()).float()


def slerp(left, right, mix):
    if mix == 0.0 or mix == 1.0:
        return right if mix else left
    a, b = left.double(), right.double()
    cosine = (a * b).sum() / (a.norm() * b.norm())
    angle = torch.acos(cosine.clamp(-(1.0 - 1e-7), 1.0 - 1e-7))
    return (
        torch.sin((1.0 - mix) * angle) / torch.sin(angle) * a
        + torch.sin(mix * angle) / torch.sin(angle) * b
    ).float()


TENSION = 1.25


def on_curve(mix, level, parents, norm_restraint=0.0):
    """On the arc or line between two branches, bent to the cubic through their neighbours.

    `norm_restraint`: the share of what the bend adds to the norm that is taken back.
    """
    left, right, t = parents
    straight = mix(level[left], level[right], t)
    if t == 0.0 or t == 1.0:
        return straight
    b, c = level[left].double(), level[right].double()
    a = level[left - 1].double() if left > 0 else 2 * b - c
    d = level[right + 1].double() if right + 1 < len(level) else 2 * c - b
    near = lambda x: 1 + x * x * ((2 - TENSION) * x + TENSION - 3)
    far = lambda x: -TENSION * (1 - x) ** 2 * x
    curve = far(t) * a + near(t) * b + near(1 - t) * c + far(1 - t) * d
    bent = straight.double() + curve - (1 - t) * b - t * c
    scale = (straight.double().norm() / bent.norm()) ** norm_restraint
    return (bent * scale).float()
