"""The shipped directory: fp16 weights in the diffusers layout, and a grid of samples."""
import json
import shutil

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

import checkpoint
from captions import words
from denoiser import SCHEDULE, Models

# Fixed before the denoiser was trained; the model card lists them.
JUDGED = (
    "red apple", "green pear", "banana", "strawberry", "lemon", "cherries", "watermelon", "mushroom",
    "hamburger", "pizza", "cat face", "fox", "panda", "penguin", "frog", "owl", "butterfly",
    "sunflower", "cactus", "house", "purple heart", "green star on a black background",
    "blue car on a yellow background", "red tulip on a blue background",
)
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "safety_checker": [None, None],
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
}


def write(work, log):
    """Writes `pocket` and `samples.png` below the work folder."""
    from transformers import CLIPTokenizer
    target = work / "pocket"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(work / "tokenizer", target / "tokenizer")
    names = json.loads((work / "objects.json").read_text())
    (target / "words.txt").write_text("".join(f"{word}\n" for word in words(names)))
    vocabulary = len(json.loads((target / "tokenizer/vocab.json").read_text()))
    models = Models(vocabulary)
    models.restore(checkpoint.load(work / "denoiser.pt")["models"])
    vae = AutoencoderKL.from_pretrained(work / "autoencoder-final").half()
    models.average_unet.half().save_pretrained(target / "unet")
    models.average_text.half().save_pretrained(target / "text_encoder")
    prefix_names(target / "text_encoder/model.safetensors")
    vae.save_pretrained(target / "vae")
    DDIMScheduler(**SCHEDULE).save_pretrained(target / "scheduler")
    (target / "model_index.json").write_text(json.dumps(INDEX, indent=1) + "\n")
    for config in target.glob("*/config.json"):
        # Where it was loaded from says nothing to others.
        values = json.loads(config.read_text())
        values.pop("_name_or_path", None)
        config.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
    special = json.loads((target / "tokenizer/special_tokens_map.json").read_text())
    clip = CLIPTokenizer(str(target / "tokenizer/vocab.json"), str(target / "tokenizer/merges.txt"),
                         model_max_length=77, **special)
    pictures = sample(target, clip, JUDGED)
    grid(pictures, JUDGED).save(work / "samples.png")
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    log(f"{target}: {size / 1e6:.1f} MB")


def prefix_names(file):
    """Names that transformers 4 and 5 both read: 4 takes others for another model's."""
    tensors = load_file(file)
    save_file({f"text_model.{name}": tensors[name] for name in tensors}, file, {"format": "pt"})


@torch.no_grad()
def sample(directory, clip, prompts, steps=30, guidance=4.0, seed=0):
    """Pictures from the shipped (fp16-rounded) weights, computed in fp32."""
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel
    unet = UNet2DConditionModel.from_pretrained(directory / "unet", torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(directory / "text_encoder", torch_dtype=torch.float32)
    vae = AutoencoderKL.from_pretrained(directory / "vae", torch_dtype=torch.float32)
    scheduler = DDIMScheduler.from_pretrained(directory / "scheduler")

    def embed(captions):
        ids = [clip(caption, truncation=True, max_length=77).input_ids for caption in captions]
        return text(torch.tensor([row + [0] * (77 - len(row)) for row in ids]))[0]

    pictures = []
    for place, prompt in enumerate(prompts):
        conditioning = embed(["", prompt])
        latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed + place))
        scheduler.set_timesteps(steps)
        for timestep in scheduler.timesteps:
            none, full = unet(latents.repeat(2, 1, 1, 1), timestep, conditioning).sample.chunk(2)
            latents = scheduler.step(none + guidance * (full - none), timestep, latents).prev_sample
        picture = vae.decode(latents / vae.config.scaling_factor).sample[0].clamp(-1, 1)
        pictures.append(((picture.permute(1, 2, 0) / 2 + 0.5) * 255).round().byte().numpy())
    return pictures


def grid(pictures, captions, columns=8):
    rows = (len(pictures) + columns - 1) // columns
    sheet = Image.new("RGB", (columns * 136, rows * 152), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (picture, caption) in enumerate(zip(pictures, captions)):
        left, top = place % columns * 136 + 4, place // columns * 152 + 4
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.text((left, top + 130), caption[:22], fill="black")
    return sheet
