"""Which pictures are shown to the models, and what they are called.

Pictures come from the npm package `@lobehub/fluent-emoji-3d` (Microsoft Fluent Emoji, MIT), names
from `emojibase-data` (MIT). Left out everywhere, because upstream licenses them otherwise:
paperclips, flags, the technologists, and pictures of video games.
"""
import json
import subprocess

import numpy as np

from pictures import read

PACKAGES = ("@lobehub/fluent-emoji-3d@1.1.0", "emojibase-data@17.0.0")
# Groups of emojibase: 0 smileys, 3 animals and nature, 4 food, 5 travel, 6 activities, 7 objects,
# 8 symbols; people (1) and flags (9) are not among them.
GROUPS = (0, 3, 4, 5, 6, 7, 8)
LEFT_OUT = ("paperclip", "linked paperclips", "technologist", "video game", "joystick", "flag")
# Names that say better what the picture shows.
RENAMED = {
    "automobile": "car", "tangerine": "orange", "ear of corn": "corn", "kiwi fruit": "kiwi",
    "deciduous tree": "tree", "evergreen tree": "pine tree", "T-Rex": "dinosaur",
    "lady beetle": "ladybug", "honeybee": "bee", "tennis": "tennis ball",
    "hot beverage": "cup of coffee", "soft ice cream": "ice cream cone",
    "globe showing Americas": "earth", "gem stone": "diamond", "grinning face with big eyes": "happy face",
    "smiling face with sunglasses": "cool face",
}


def install(work):
    """The packages, through npm, below the work folder."""
    folder = work / "npm"
    if not (folder / "node_modules").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        subprocess.run(["npm", "install", "--ignore-scripts", "--save-exact", *PACKAGES],
                       cwd=folder, check=True)
    return folder / "node_modules"


def listed(modules):
    """(label, picture file) of every emoji that may be used."""
    assets = modules / "@lobehub/fluent-emoji-3d/assets"
    for entry in json.loads((modules / "emojibase-data/en/data.json").read_text()):
        label = entry["label"]
        if entry.get("group") not in GROUPS or any(word in label for word in LEFT_OUT):
            continue
        code = entry["hexcode"].lower()
        for name in (code, code.replace("-fe0f", ""), code + "-fe0f"):
            if (assets / f"{name}.webp").exists():
                yield label, assets / f"{name}.webp"
                break


def caption_name(label):
    return RENAMED.get(label, label).lower().replace("\u2019", "'").replace("-", " ")


def build(work, log):
    """Writes `everything.npy` (for the autoencoder), `objects.npy` and `objects.json`."""
    from pathlib import Path
    text = (Path(__file__).parent / "objects.txt").read_text().replace("\n", ",")
    wanted = {name.strip() for name in text.split(",") if name.strip()}
    everything, objects, names = [], [], []
    for label, path in listed(install(work)):
        picture = (read(path) * 255 + 0.5).astype(np.uint8)
        everything.append(picture)
        name = caption_name(label)
        if name in wanted and name not in names:
            objects.append(picture)
            names.append(name)
    if wanted - set(names):
        raise SystemExit(f"no picture for {sorted(wanted - set(names))}")
    np.save(work / "everything.npy", np.stack(everything))
    (work / "objects.json").write_text(json.dumps(names))
    np.save(work / "objects.npy", np.stack(objects))
    log(f"{len(everything)} pictures, {len(names)} of them named objects")
