"""An autoencoder that begins as a linear one: mean colours of 8x8 blocks in, smooth colours out.

From random weights the same network takes hours to say more than a grey blur; from here it is at
17 dB before the first step. Channels 0 to 2 of every layer carry red, green and blue, 3 to 5 their
negatives (so that an activation loses nothing), 6 and 7 constants that keep group normalisation
from dividing the colours away.
"""
import torch
from diffusers import AutoencoderKL

CHANNELS = (16, 32, 64, 96)
GROUPS = 2
CARRIED = 8
CONSTANT = 2.0


def linear_autoencoder():
    blocks = len(CHANNELS)
    model = AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, layers_per_block=1, sample_size=128,
        down_block_types=["DownEncoderBlock2D"] * blocks, up_block_types=["UpDecoderBlock2D"] * blocks,
        block_out_channels=CHANNELS, norm_num_groups=GROUPS, scaling_factor=1.0,
    )
    with torch.no_grad():
        for module in model.modules():
            kind = type(module).__name__
            if kind == "ResnetBlock2D":
                begin_residual(module)
            elif kind == "Attention":
                module.to_out[0].weight *= 0.1
                module.to_out[0].bias.zero_()
            elif kind == "Downsample2D":
                carry(module.conv, [(row, column, 0.25) for row in (0, 1) for column in (0, 1)])
            elif kind == "Upsample2D":
                taps = (0.25, 0.5, 0.25)
                carry(module.conv, [(r, c, taps[r] * taps[c]) for r in range(3) for c in range(3)])
        begin_ends(model)
    return model


def begin_residual(block):
    """The shortcut carries the signal; what the block adds starts small."""
    block.conv2.weight *= 0.25
    block.conv2.bias.zero_()
    if block.conv_shortcut is not None:
        weight = block.conv_shortcut.weight
        weight *= 0.15
        weight[:CARRIED] = 0
        block.conv_shortcut.bias.zero_()
        for channel in range(min(weight.shape[:2])):
            weight[channel, channel] = 1


def carry(convolution, taps):
    """Every channel passes through these taps; a little of the random start stays beside them."""
    weight = convolution.weight
    weight *= 0.3
    weight[:CARRIED] = 0
    convolution.bias.zero_()
    for channel in range(weight.shape[0]):
        for row, column, share in taps:
            weight[channel, channel, row, column] += share


def begin_ends(model):
    for convolution in (model.encoder.conv_in, model.decoder.conv_in):
        convolution.weight[:CARRIED] = 0
        convolution.bias.zero_()
        for colour in range(3):
            convolution.weight[colour, colour, 1, 1] = 1
            convolution.weight[3 + colour, colour, 1, 1] = -1
        convolution.bias[6], convolution.bias[7] = CONSTANT, -CONSTANT
    out = model.encoder.conv_out
    out.bias.zero_()
    out.weight[:3] *= 0.05
    out.weight[4:] *= 0.05
    for colour in range(3):
        out.weight[colour, colour, 1, 1] += 1
        out.weight[colour, 3 + colour, 1, 1] -= 1
    for convolution in (model.quant_conv, model.post_quant_conv):
        convolution.bias.zero_()
        convolution.weight[:, :, 0, 0] = torch.eye(convolution.weight.shape[0])
    # A posterior that is nearly a point: exp(-5/2) of spread.
    model.quant_conv.bias[4:] = -5
    out = model.decoder.conv_out
    out.weight *= 0.1
    out.bias.zero_()
    for colour in range(3):
        out.weight[colour, colour, 1, 1] += 1
        out.weight[colour, 3 + colour, 1, 1] -= 1


@torch.no_grad()
def calibrate(model, pictures):
    """Scales the ends so that latents have about unit spread and pictures come back in range."""
    spread = 1.6
    latents = model.encode(pictures).latent_dist.mean
    blocks = torch.nn.functional.avg_pool2d(pictures, 8)
    for colour in range(3):
        fit = (latents[:, colour] * blocks[:, colour]).sum() / (latents[:, colour] ** 2).sum() * spread
        model.encoder.conv_out.weight[colour] *= fit
        model.encoder.conv_out.bias[colour] *= fit
        model.decoder.conv_in.weight[:, colour] /= spread
    made = model.decode(model.encode(pictures).latent_dist.mean).sample
    for colour in range(3):
        fit = (pictures[:, colour] * made[:, colour]).sum() / (made[:, colour] ** 2).sum()
        model.decoder.conv_out.weight[colour] *= fit
