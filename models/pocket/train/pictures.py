"""Emoji pictures: reading, recolouring, and composing them onto a background.

A picture is kept as premultiplied RGBA in [0, 1], 128 pixels wide and high.
"""
import numpy as np
from PIL import Image

SIDE = 128

# Hue angles in degrees that single-hue objects are turned to.
HUES = {"red": 352, "orange": 26, "yellow": 50, "green": 115, "blue": 212, "purple": 270, "pink": 325}
# Background colours, as named in captions.
BACKGROUNDS = {
    "white": (246, 246, 246), "grey": (168, 170, 176), "black": (38, 38, 44),
    "orange": (246, 178, 112), "yellow": (250, 226, 132), "green": (148, 210, 148),
    "blue": (140, 186, 238), "purple": (182, 156, 228), "pink": (246, 182, 208),
}
LUMA = np.array([0.3, 0.59, 0.11], np.float32)


def read(path):
    """One emoji as premultiplied RGBA."""
    image = np.asarray(Image.open(path).convert("RGBA")).astype(np.float32) / 255
    image[..., :3] *= image[..., 3:]
    return resize(image, SIDE, Image.LANCZOS)


def resize(image, side, filter):
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(image[..., c])).resize((side, side), filter))
        for c in range(4)
    ]
    return np.clip(np.stack(channels, -1), 0, 1)


def to_hsv(rgb):
    """Hue in degrees, saturation and value in [0, 1]."""
    high, low = rgb.max(-1), rgb.min(-1)
    chroma = high - low
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    safe = np.maximum(chroma, 1e-6)
    hue = np.where(
        high == red, ((green - blue) / safe) % 6,
        np.where(high == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return hue * 60, np.where(high > 0, chroma / np.maximum(high, 1e-6), 0), high


def from_hsv(hue, saturation, value):
    sector = (hue % 360) / 60
    index = np.floor(sector).astype(int) % 6
    part = sector - np.floor(sector)
    low = value * (1 - saturation)
    falling = value * (1 - part * saturation)
    rising = value * (1 - (1 - part) * saturation)
    table = [(value, rising, low), (falling, value, low), (low, value, rising),
             (low, falling, value), (rising, low, value), (value, low, falling)]
    return np.stack([np.choose(index, [row[c] for row in table]) for c in range(3)], -1)


def straight(rgba):
    """The colours without the alpha that they were multiplied with."""
    return np.clip(rgba[..., :3] / np.maximum(rgba[..., 3:], 1e-4), 0, 1)


def dominant_hue(rgba):
    """Mean hue in degrees, how much the hues agree (0..1), and how colourful the object is (0..1)."""
    hue, saturation, value = to_hsv(straight(rgba))
    weight = rgba[..., 3] * saturation * value
    mean = (weight * np.exp(1j * np.deg2rad(hue))).sum()
    agreement = abs(mean) / max(weight.sum(), 1e-6)
    return np.rad2deg(np.angle(mean)) % 360, agreement, weight.sum() / max(rgba[..., 3].sum(), 1e-6)


def has_one_hue(rgba):
    _, agreement, colourfulness = dominant_hue(rgba)
    return agreement > 0.72 and colourfulness > 0.28


def nearest_hue(degrees):
    return min(HUES, key=lambda name: abs((HUES[name] - degrees + 180) % 360 - 180))


def recolour(rgba, name):
    """Turns all hues so that the dominant one becomes the named one; brightness is kept roughly."""
    alpha, rgb = rgba[..., 3:], straight(rgba)
    hue, saturation, value = to_hsv(rgb)
    turned = from_hsv(hue + HUES[name] - dominant_hue(rgba)[0], saturation, value)
    gain = np.clip(((rgb @ LUMA)[..., None] + 0.05) / ((turned @ LUMA)[..., None] + 0.05), 0.75, 1.35)
    turned = np.clip(turned * (0.5 + 0.5 * gain), 0, 1)
    return np.concatenate([turned * alpha, alpha], -1).astype(np.float32)


ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


def ground(background):
    """A plain background that darkens downwards."""
    return np.array(background, np.float32) / 255 * (1.03 - 0.10 * ROWS / (SIDE - 1))[..., None]


def placed(rgba, scale, shift_x, shift_y):
    """The object at this part of its size, its middle moved from that of the picture by so many pixels."""
    side = int(round(SIDE * scale))
    canvas = np.zeros((SIDE, SIDE, 4), np.float32)
    left = min(max((SIDE - side) // 2 + shift_x, 0), SIDE - side)
    top = min(max((SIDE - side) // 2 + shift_y, 0), SIDE - side)
    canvas[top:top + side, left:left + side] = resize(rgba, side, Image.BICUBIC)
    return canvas


def put(picture, canvas):
    """A placed object on a picture, with a soft shadow where it stands."""
    alpha = canvas[..., 3]
    filled = np.where(alpha.max(1) > 0.3)[0]
    if len(filled):
        foot = filled[-1]
        columns = np.where(alpha[max(0, foot - 14):foot + 1].max(0) > 0.3)[0]
        centre = (columns[0] + columns[-1]) / 2
        width = max(14, (columns[-1] - columns[0]) * 0.62 + 8)
        shadow = np.exp(-(((COLUMNS - centre) / width) ** 2 + ((ROWS - foot) / 5.5) ** 2) * 1.4)
        picture = picture * (1 - 0.30 * shadow[..., None])
    return np.clip(picture * (1 - canvas[..., 3:]) + canvas[..., :3], 0, 1).astype(np.float32)


def compose(rgba, background, scale, shift_x, shift_y, flip):
    """One object on a plain background."""
    if flip:
        rgba = rgba[:, ::-1]
    return put(ground(background), placed(rgba, scale, shift_x, shift_y))
