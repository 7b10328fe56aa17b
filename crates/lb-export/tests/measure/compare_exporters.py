"""Compares the speed of the exported UNet with graphs of PyTorch's two ONNX exporters and with PyTorch.

    python ../../../../reference/make_full_size.py MODEL --tokenizer TOKENIZER
    cargo xtask export-onnx MODEL
    pip install onnx onnxscript onnxruntime torch diffusers
    OMP_WAIT_POLICY=PASSIVE python compare_exporters.py MODEL SCRATCH [--side 32] [--rounds 7]

The folder SCRATCH keeps the other exporters' graphs, so that further runs only measure. All networks
take turns in one process, and all graphs use the same runtime. Each ratio is that of two evaluations
which were timed one after the other. `docs/benchmarks.md` has the results.
"""

import argparse
import gc
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0

OUTPUT = "out_sample"


class Plain(torch.nn.Module):
    """Wraps the UNet as a function of tensors, which the exporters require."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


def inputs(unet, rows, side):
    generator = torch.Generator().manual_seed(0)
    return {
        "sample": torch.randn(rows, unet.config.in_channels, side, side, generator=generator),
        "timestep": torch.tensor([501]),
        "encoder_hidden_states": torch.randn(
            rows, 77, unet.config.cross_attention_dim, generator=generator
        ),
    }


def load(model):
    unet = UNet2DConditionModel.from_pretrained(
        model, subfolder="unet", torch_dtype=torch.float32, low_cpu_mem_usage=False
    ).eval()
    unet.set_attn_processor(AttnProcessor2_0())
    return unet


@torch.inference_mode()
def export(unet, feed, path, dynamo):
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    names = list(feed)
    begun = time.perf_counter()
    dynamic = dict(sample={0: "rows", 2: "height", 3: "width"}, encoder_hidden_states={0: "rows"})
    shapes = (
        # The new exporter does not keep these sizes variable. Fixed sizes can only make its graph faster.
        dict(dynamic_shapes=None)
        if dynamo
        else dict(dynamic_axes=dynamic)
    )
    torch.onnx.export(
        Plain(unet), tuple(feed.values()), str(path), input_names=names, output_names=[OUTPUT],
        dynamo=dynamo, external_data=True, **shapes,
    )
    print(f"{path.parent.name}: exported in {time.perf_counter() - begun:.1f} s", flush=True)


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    begun = time.perf_counter()
    made = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    print(f"{path}: loaded in {time.perf_counter() - begun:.1f} s", flush=True)
    return made


def compare(name, ours, other, rounds):
    """Prints the median of the ratios of `ours` to `other`, and the lowest and the highest ratio."""
    pairs = []
    for _ in range(rounds):
        seconds = []
        for run in (ours, other):
            begun = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begun)
        pairs.append(seconds)
    ratios = sorted(mine / theirs for mine, theirs in pairs)
    mine, theirs = np.median(pairs, axis=0)
    print(
        f"| {name} | {mine:.2f} s | {theirs:.2f} s | {np.median(ratios):.2f} "
        f"({ratios[0]:.2f}–{ratios[-1]:.2f}) |",
        flush=True,
    )


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export-only", action="store_true")
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    unet = load(settings.model)
    feed = inputs(unet, settings.rows, settings.side)
    legacy, dynamo = (settings.scratch / name / "model.onnx" for name in ("legacy", "dynamo"))
    export(unet, feed, legacy, dynamo=False)
    export(unet, feed, dynamo, dynamo=True)
    if settings.export_only:
        return
    arrays = {name: tensor.numpy() for name, tensor in feed.items()}
    ours = session(settings.model / "unet/model.onnx", settings.threads)
    run_ours = lambda: ours.run([OUTPUT], arrays)[0]
    found = run_ours()
    wanted = Plain(unet)(**feed).numpy()
    print(f"largest difference {np.abs(found - wanted).max() / np.abs(wanted).max():.1e}")
    print("| compared with | lb-export | other | ratio (lowest–highest) |\n|---|---|---|---|")
    compare("PyTorch, eager", run_ours, lambda: Plain(unet)(**feed), settings.rounds)
    del unet
    gc.collect()
    for path in (legacy, dynamo):
        other = session(path, settings.threads)
        given = {port.name: arrays[port.name] for port in other.get_inputs()}
        difference = np.abs(other.run(None, given)[0] - wanted).max() / np.abs(wanted).max()
        assert difference < 1e-3, difference
        name = f"ONNX, {path.parent.name} exporter"
        compare(name, run_ours, lambda: other.run(None, given), settings.rounds)
        del other
        gc.collect()


if __name__ == "__main__":
    main()
