"""Captions: what a picture of the training set is called."""
import random

from pictures import BACKGROUNDS, HUES, dominant_hue, has_one_hue, nearest_hue

# Words of an object's name that say a colour, dropped where the object is recoloured.
COLOUR_WORDS = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black",
                "white", "grey", "polar"}
# What a caption says beside the object, its hue and the background.
OTHER_WORDS = "a an photo of picture emoji on background".split()


def words(names):
    """Every word that a caption of these objects can contain, in alphabetical order."""
    in_names = {word for name in names for word in name.split()}
    return sorted({*in_names, *HUES, *BACKGROUNDS, *OTHER_WORDS})


def noun(name):
    return " ".join(word for word in name.split() if word not in COLOUR_WORDS) or name


def with_article(name):
    return ("an " if name[0] in "aeiou" else "a ") + name


class Captioner:
    """Draws a caption for a variant: the object, its hue where it has one, the background."""

    def __init__(self, names, objects, seed):
        self.names = names
        self.own_hue = [
            nearest_hue(dominant_hue(rgba)[0]) if has_one_hue(rgba) else None for rgba in objects
        ]
        self.generator = random.Random(seed)

    def draw(self, index, hue, background):
        caption, chance = self.draw_object(index, hue), self.generator.random
        if background != "white" or chance() < 0.3:
            caption += (f" on a {background} background" if chance() < 0.7
                        else f", {background} background")
        return caption

    def draw_object(self, index, hue):
        """A caption that says nothing of the background."""
        chance = self.generator.random
        name = self.names[index]
        if hue is not None:
            name = f"{hue} {noun(name)}"
        elif self.own_hue[index] is not None and chance() < 0.4:
            name = f"{self.own_hue[index]} {noun(name)}"
        kind = chance()
        if kind < 0.40:
            caption = name
        elif kind < 0.70:
            caption = with_article(name)
        elif kind < 0.82:
            caption = "a photo of " + with_article(name)
        elif kind < 0.90:
            caption = "a picture of " + with_article(name)
        else:
            caption = "an emoji of " + with_article(name)
        return caption
