"""What the names of all networks have in common."""


def both_ends(names, old, new):
    """Adds the weight and the bias of a layer to `names`, which maps CompVis' names to diffusers'."""
    names[f"{new}.weight"] = f"{old}.weight"
    names[f"{new}.bias"] = f"{old}.bias"
