"""The denoiser's training set: every object in many placements, colours and backgrounds, encoded.

Latents are brought to zero mean and unit spread per channel, and that map is folded into the
autoencoder's 1x1 convolutions, so that the shipped scaling factor is 1. Where the denoiser starts
from an earlier checkpoint, the map also turns the latents to lie as that checkpoint's did.
"""
import random

import numpy as np
import torch

from pictures import BACKGROUNDS, HUES, compose, dominant_hue, has_one_hue, nearest_hue, recolour


def variants(objects, generator):
    """(object index, hue or None, background, sampling weight) for every picture of the set."""
    chosen = []
    for index, rgba in enumerate(objects):
        chosen += [(index, None, "white", 0.5)] * 8
        for background in list(BACKGROUNDS)[1:]:
            chosen += [(index, None, background, 0.25)] * 2
        if has_one_hue(rgba):
            own = nearest_hue(dominant_hue(rgba)[0])
            for hue in HUES:
                if hue != own:
                    some = generator.sample(list(BACKGROUNDS)[1:], 2) + ["white"]
                    chosen += [(index, hue, background, 0.17) for background in some]
    return chosen


def picture(objects, variant, generator):
    index, hue, background, _ = variant
    rgba = objects[index] if hue is None else recolour(objects[index], hue)
    return compose(rgba, BACKGROUNDS[background], generator.uniform(0.80, 0.90),
                   generator.randint(-4, 4), generator.randint(-4, 4), generator.random() < 0.5)


def to_batch(pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) * 2 - 1


@torch.no_grad()
def encode(autoencoder, objects, chosen, seed, batch=16):
    generator = random.Random(seed)
    parts = []
    for first in range(0, len(chosen), batch):
        pictures = [picture(objects, variant, generator) for variant in chosen[first:first + batch]]
        parts.append(autoencoder.encode(to_batch(pictures)).latent_dist.mean)
    return torch.cat(parts)


def moments(latents):
    """Mean and covariance over all places of all latents."""
    flat = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1]).double()
    mean = flat.mean(0)
    return flat - mean, mean, (flat - mean).T @ (flat - mean) / len(flat)


def root(matrix):
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.clamp_min(1e-12).sqrt()) @ vectors.T


def normalising_map(latents):
    """Matrix and offset that give every channel zero mean and unit spread."""
    _, mean, covariance = moments(latents)
    matrix = torch.diag(covariance.diagonal().rsqrt())
    return matrix, -matrix @ mean


def aligning_map(latents, wanted):
    """Matrix and offset that carry `latents` onto `wanted` (the same pictures in another latent space).

    Both are whitened, the rotation between them is the orthogonal Procrustes solution, and the
    result gets the covariance of `wanted`: the best map that cannot be ill-conditioned.
    """
    ours, our_mean, our_covariance = moments(latents)
    theirs, their_mean, their_covariance = moments(wanted)
    whiten = torch.linalg.inv(root(our_covariance))
    cross = whiten @ ours.T @ theirs @ torch.linalg.inv(root(their_covariance)) / len(ours)
    left, agreement, right = torch.linalg.svd(cross)
    matrix = root(their_covariance) @ (left @ right).T @ whiten
    return matrix, their_mean - matrix @ our_mean, agreement


def apply_map(latents, matrix, offset):
    moved = torch.einsum("ij,njhw->nihw", matrix.float(), latents)
    return moved + offset.float()[None, :, None, None]


@torch.no_grad()
def fold(autoencoder, matrix, offset):
    """Makes the autoencoder speak the mapped latents: scaling factor 1."""
    matrix, offset = matrix.float(), offset.float()
    channels = matrix.shape[0]
    quant, post = autoencoder.quant_conv, autoencoder.post_quant_conv
    mean = quant.weight[:channels, :, 0, 0]
    quant.weight[:channels, :, 0, 0] = matrix @ mean
    quant.bias[:channels] = matrix @ quant.bias[:channels] + offset
    # The spread of a mixed channel is not log-linear; its scale along the diagonal is close enough
    # for an encoder whose posterior is a hundredth of the latents' spread.
    quant.bias[channels:] += 2 * matrix.norm(dim=1).log()
    inverse = torch.linalg.inv(matrix.double()).float()
    weight = post.weight[:, :, 0, 0].clone()
    post.weight[:, :, 0, 0] = weight @ inverse
    post.bias -= weight @ inverse @ offset
    autoencoder.register_to_config(scaling_factor=1.0)
