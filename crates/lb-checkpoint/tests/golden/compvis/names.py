"""What the networks' names are made of."""


def both_ends(names, old, new):
    """The weight and the bias of one layer: CompVis' name → diffusers'."""
    names[f"{new}.weight"] = f"{old}.weight"
    names[f"{new}.bias"] = f"{old}.bias"
