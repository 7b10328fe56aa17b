"""Measures one call of a UNet on a processor: lb on ONNX Runtime and on OpenVINO, and PyTorch, in turns.

    python bench_cpu.py --unet-calls FILE --runtime LIBONNXRUNTIME --model DIRECTORY

`cargo xtask bench cpu` builds the program and calls it. Each round has one call of every contestant, in an order
that changes from round to round, so that what else the machine does falls on all of them. The table has the
median of each contestant's calls, and the median of the ratios to lb on ONNX Runtime in the same round. It needs
torch and diffusers; `--parts lb` leaves PyTorch out.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

# Between two calls, so that the threads of the last one have stopped waiting for more work.
PAUSE = 0.1
WARMING = 2
BASELINE = "lb, ONNX Runtime, fp32"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unet-calls", type=Path, required=True, help="the example unet_calls of lb-benches")
    parser.add_argument("--runtime", type=Path, required=True, help="ONNX Runtime's library")
    parser.add_argument("--model", type=Path, required=True, help="a model directory")
    parser.add_argument("--compiled", type=Path, required=True, help="a folder for what OpenVINO compiles")
    parser.add_argument("--rows", type=int, default=4, help="rows of a call")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--parts", default="lb,torch", help="what is measured, separated by commas")
    return parser.parse_args()


class Lb:
    """The UNet of lb in a process of its own."""

    def __init__(self, device, precision):
        command = [SETTINGS.unet_calls, SETTINGS.model, SETTINGS.runtime, device, precision, SETTINGS.rows,
                   SETTINGS.compiled]
        begun = time.perf_counter()
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.read()
        self.loading = time.perf_counter() - begun

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"it ended with {self.process.wait()}")
        return float(line)

    def call(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Torch:
    """The same UNet in PyTorch."""

    def __init__(self, precision):
        # Threads that wait for each other by turning in a loop stand still where others use the machine, too.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        import torch
        from diffusers import UNet2DConditionModel

        begun = time.perf_counter()
        self.torch = torch
        dtype = getattr(torch, precision)
        unet = UNet2DConditionModel.from_pretrained(SETTINGS.model, subfolder="unet", torch_dtype=dtype)
        self.unet = unet.eval()
        side = unet.config.sample_size
        self.latents = torch.randn(SETTINGS.rows, unet.config.in_channels, side, side, dtype=dtype)
        self.text = torch.randn(SETTINGS.rows, 77, unet.config.cross_attention_dim, dtype=dtype)
        self.call()
        self.loading = time.perf_counter() - begun

    def call(self):
        begun = time.perf_counter()
        with self.torch.inference_mode():
            self.unet(self.latents, 501, encoder_hidden_states=self.text)
        return 1e3 * (time.perf_counter() - begun)

    def close(self):
        pass


def contestants():
    parts = SETTINGS.parts.split(",")
    if "lb" in parts:
        yield BASELINE, lambda: Lb("cpu", "fp32")
        yield "lb, OpenVINO, fp32", lambda: Lb("openvino", "fp32")
        yield "lb, OpenVINO, bf16", lambda: Lb("openvino", "auto")
        yield "lb, OpenVINO, bf16, compiled before", lambda: Lb("openvino", "auto")
    if "torch" in parts:
        yield "PyTorch, fp32", lambda: Torch("float32")
        yield "PyTorch, bf16", lambda: Torch("bfloat16")


def spread(values, digits):
    values = sorted(values)
    low, middle, high = values[0], statistics.median(values), values[-1]
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def main():
    running, times = {}, {}
    for name, start in contestants():
        try:
            running[name] = start()
            times[name] = []
            print(f"{name}: ready after {running[name].loading:.1f} s", flush=True)
        except (RuntimeError, ImportError) as error:
            print(f"{name}: left out, {error}", flush=True)
    for contest in range(WARMING + SETTINGS.rounds):
        names = list(running)
        turn = contest % len(names)
        for name in names[turn:] + names[:turn]:
            time.sleep(PAUSE)
            milliseconds = running[name].call()
            if contest >= WARMING:
                times[name].append(milliseconds)
    print(f"\n{SETTINGS.rows} rows, {SETTINGS.rounds} rounds: median (least–most)\n")
    print("| | ms a call | times as fast | ready after |")
    print("|---|---|---|---|")
    for name, own in times.items():
        baseline = times.get(BASELINE, own)
        ratios = [theirs / mine for theirs, mine in zip(baseline, own)]
        print(f"| {name} | {spread(own, 1)} | {spread(ratios, 2)} | {running[name].loading:.1f} s |")
    for contestant in running.values():
        contestant.close()


if __name__ == "__main__":
    SETTINGS = arguments()
    sys.exit(main())
