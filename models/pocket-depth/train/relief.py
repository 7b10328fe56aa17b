"""A soft relief of a silhouette: what stands in for a depth map."""
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter

# Blurs in pixels: the narrow ones round the edge, the wide ones raise the middle of wide parts.
RADII = (3, 7, 14)
LATENT = 8
# The light falls from the upper left.
LIGHT = np.array([-0.45, -0.65, 0.6], np.float32)


def blurred(picture, radius):
    image = Image.fromarray((picture * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, np.float32) / 255


def relief(alpha):
    """Heights from 0, the background, to about 1."""
    # Half of the blurred silhouette lies beyond its edge, where the blur is below one half.
    rounded = [np.clip(2 * blurred(alpha, radius) - 1, 0, 1) for radius in RADII]
    return alpha * (0.25 + 0.25 * sum(rounded))


def shading(heights):
    """The light on a relief; 1 where it lies flat."""
    rows, columns = np.gradient(blurred(heights, 2) * 28)
    normals = np.stack([-columns, -rows, np.ones_like(rows)], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return np.clip(1 + 0.45 * (normals @ LIGHT - LIGHT[2]), 0.5, 1.4)


def depth_channel(heights):
    """What a depth model sees of maps [N, 1, H, W]: resized as in diffusers' pipeline, stretched to [-1, 1]."""
    small = F.interpolate(heights, scale_factor=1 / LATENT, mode="bicubic", align_corners=False)
    least, most = small.amin((1, 2, 3), keepdim=True), small.amax((1, 2, 3), keepdim=True)
    return 2 * (small - least) / (most - least) - 1
