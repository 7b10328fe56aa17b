"""The branching tree: where branches lie, who their parents are, how they are mixed."""

import numpy as np
import torch


def fixed_fractions(count, mid_compression):
    u = np.linspace(-1.0, 1.0, count)
    return list(0.5 + 0.5 * np.sign(u) * np.abs(u) ** mid_compression)


def distances(predictions, channel_weights):
    """How far each branch's prediction is from the next one's."""
    if len(predictions) == 2:
        return [1.0]
    return [
        float(((right - left).double().square().sum((0, 2, 3)) * channel_weights).sum().sqrt())
        for left, right in zip(predictions, predictions[1:])
    ]


def perceptual_fractions(count, parent_fractions, known_distances):
    """Fractions at which the cumulative distance of the known branches' predictions is even."""
    if len(known_distances) == 1 or max(known_distances) == 0.0:
        return fixed_fractions(count, 1.0)
    cumulative = np.concatenate([[0.0], np.cumsum(known_distances)])
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


MOST_STRETCH = 1.6
NEARBY = 2
LEAST_DISTANCE = 1e-3


def tangents(level, left, widths):
    """Slopes of the cubic at both ends of the interval after `left`, and the slope of the line."""
    slope = lambda at: (level[at + 1] - level[at]).double() / widths[at]

    width, straight = widths[left], slope(left)

    def tangent(other):
        """That of the parabola, or nearer to the line where the other gap is shorter."""
        share = width / (width + widths[other]) * min(widths[other] / width, 1.0)
        return straight + share * (slope(other) - straight)

    before = tangent(left - 1) if left > 0 else None
    after = tangent(left + 1) if left + 2 < len(level) else None
    if before is None and after is None:
        return straight, straight, straight
    if before is None:
        before = 1.5 * straight - 0.5 * after
    if after is None:
        after = 1.5 * straight - 0.5 * before
    return before, after, straight


def clean_on_curve(level, parents, known_distances):
    """On the cubic through four predictions. In each channel and place its bend is stretched until the
    result has the energy that lies between its neighbours' energies."""
    left, right, t = parents
    widths = [max(d / (max(known_distances) or 1.0), LEAST_DISTANCE) for d in known_distances]
    before, after, straight = tangents(level, left, widths)
    bend = widths[left] * t * (1 - t) * ((1 - t) * (before - straight) - t * (after - straight))
    line = level[left].double() * (1 - t) + level[right].double() * t
    side = 2 * NEARBY + 1
    around = lambda values: torch.nn.functional.avg_pool2d(
        values, side, stride=1, padding=NEARBY, divisor_override=1
    )
    missing = t * (1 - t) * around((level[right] - level[left]).double().square())
    square, product = around(bend.square()), around(line * bend)
    root = (product.square() + square * missing).clamp(min=0).sqrt()
    stretch = torch.where(square > 0, (root - product) / square.clamp(min=1e-300), 0.0)
    return (line + stretch.clamp(0.0, MOST_STRETCH) * bend).float()


def on_curve(latents, predictions, parents, known_distances, alpha):
    """A branch among others: its clean part on the curve, its noise on the arc."""
    left, right, t = parents
    if t == 0.0 or t == 1.0:
        return (latents[right], predictions[right]) if t else (latents[left], predictions[left])
    signal, noise = alpha**0.5, (1.0 - alpha) ** 0.5
    noise_of = lambda at: ((latents[at].double() - signal * predictions[at]) / noise).float()
    clean = clean_on_curve(predictions, parents, known_distances)
    mixed = slerp(noise_of(left), noise_of(right), t)
    return (signal * clean.double() + noise * mixed.double()).float(), clean
