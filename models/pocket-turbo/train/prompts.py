"""Captions that the pocket model was trained to understand, drawn from its lists of objects."""
import random
from pathlib import Path

POCKET = Path(__file__).resolve().parents[2] / "pocket"
OBJECTS = [name.strip() for name in (POCKET / "train/objects.txt").read_text().replace("\n", "").split(",")
           if name.strip()]
HUES = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
BACKGROUNDS = ("white", "grey", "black", "orange", "yellow", "green", "blue", "purple", "pink")
# Objects of a single hue, which pocket was trained to draw in others as well.
OF_ONE_HUE = (
    "apple", "pear", "lemon", "orange", "mango", "peach", "cherries", "tomato", "bell pepper", "cucumber",
    "balloon", "heart", "circle", "square", "star", "diamond", "car", "bus", "house", "castle", "tulip",
    "rose", "blossom", "mushroom", "maple leaf", "tree", "pine tree", "butterfly", "fish", "bird",
    "parrot", "snail", "frog", "dinosaur", "octopus", "crab", "whale", "droplet", "crown", "teapot",
    "wrapped gift", "doughnut",
)
FORMS = (("{}", 40), ("{article} {}", 30), ("a photo of {article} {}", 12),
         ("a picture of {article} {}", 8), ("an emoji of {article} {}", 10))


def draw(generator: random.Random) -> str:
    """One caption: three in ten name a hue and an object of a single hue, and about a third name a background."""
    if generator.random() < 0.3:
        name = f"{generator.choice(HUES)} {generator.choice(OF_ONE_HUE)}"
    else:
        name = generator.choice(OBJECTS)
    forms, weights = zip(*FORMS)
    form = generator.choices(forms, weights)[0]
    caption = form.format(name, article="an" if name[0] in "aeiou" else "a")
    if generator.random() < 0.35:
        background = generator.choice(BACKGROUNDS)
        caption += (f" on a {background} background" if generator.random() < 0.7
                    else f", {background} background")
    return caption
