"""The stages of the recipe: what each needs, what it leaves in the work folder."""
import json
import random
import shutil

import numpy as np
import torch
from diffusers import AutoencoderKL

import checkpoint
import latents as latent_space
from captions import Captioner

SEED = 1
ALIGNED_PICTURES = 400


def load_objects(work):
    names = json.loads((work / "objects.json").read_text())
    return names, np.load(work / "objects.npy").astype(np.float32) / 255


def data(given, log):
    if (given.work / "objects.npy").exists():
        return
    import catalogue
    catalogue.build(given.work, log)


def tokenizer(given, log):
    folder = given.work / "tokenizer"
    if folder.exists():
        return
    if given.init:
        # The text encoder's table goes by this vocabulary.
        shutil.copytree(given.init / "tokenizer", folder)
        return
    import vocabulary
    vocabulary.build(given.work, folder, log)


def load_tokenizer(given):
    """A function from a caption to the ids of all positions."""
    from transformers import CLIPTokenizer
    from denoiser import POSITIONS
    folder = given.work / "tokenizer"
    special = json.loads((folder / "special_tokens_map.json").read_text())
    clip = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"),
                         model_max_length=POSITIONS, **special)
    known = {}

    def ids_of(caption):
        if caption not in known:
            ids = clip(caption, truncation=True, max_length=POSITIONS).input_ids
            known[caption] = ids + [0] * (POSITIONS - len(ids))
        return known[caption]

    return ids_of, len(clip)


def autoencoder(given, log):
    if (given.work / "autoencoder").exists():
        return
    import autoencoder as training
    training.train(given.work, given.autoencoder_minutes, log)


def latents(given, log):
    """Encodes the training set and settles the latent space."""
    if (given.work / "latents.pt").exists():
        return
    names, objects = load_objects(given.work)
    model = AutoencoderKL.from_pretrained(given.work / "autoencoder").eval()
    chosen = latent_space.variants(objects, random.Random(SEED))
    log(f"encoding {len(chosen)} pictures of {len(names)} objects")
    encoded = latent_space.encode(model, objects, chosen, SEED)
    if given.init:
        some = random.Random(SEED + 1).sample(range(len(chosen)), ALIGNED_PICTURES)
        subset = [chosen[index] for index in some]
        earlier = AutoencoderKL.from_pretrained(given.init / "vae", torch_dtype=torch.float32).eval()
        ours = latent_space.encode(model, objects, subset, SEED + 2)
        theirs = latent_space.encode(earlier, objects, subset, SEED + 2)
        matrix, offset, agreement = latent_space.aligning_map(ours, theirs)
        error = (latent_space.apply_map(ours, matrix, offset) - theirs).pow(2).mean((0, 2, 3))
        log(f"aligned: correlations {agreement.tolist()}, squared error by channel {error.tolist()}")
    else:
        matrix, offset = latent_space.normalising_map(encoded)
    latent_space.fold(model, matrix, offset)
    model.save_pretrained(given.work / "autoencoder-folded")
    moved = latent_space.apply_map(encoded, matrix, offset)
    log(f"latents: mean {moved.mean((0, 2, 3)).tolist()}, spread {moved.std((0, 2, 3)).tolist()}")
    checkpoint.save(given.work / "latents.pt", dict(latents=moved.half(), chosen=chosen))


def denoiser(given, log):
    if (given.work / "denoiser.done").exists():
        return
    import denoiser as training
    names, objects = load_objects(given.work)
    saved = checkpoint.load(given.work / "latents.pt")
    ids_of, vocabulary = load_tokenizer(given)
    torch.manual_seed(SEED)
    models = training.Models(vocabulary, given.init)
    chosen = saved["chosen"]
    seen = training.train(
        models, saved["latents"].float(), chosen, [variant[3] for variant in chosen],
        Captioner(names, objects, SEED), ids_of, given.work, given.minutes,
        given.learning_rate, log)
    (given.work / "denoiser.done").write_text(f"{seen} samples\n")


def decoder(given, log):
    if (given.work / "autoencoder-final").exists():
        return
    import autoencoder as training
    training.tune_decoder(given.work, given.decoder_minutes, log)


def directory(given, log):
    import assemble
    assemble.write(given.work, log)
