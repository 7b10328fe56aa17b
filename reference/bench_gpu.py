"""Measures lb on an NVIDIA GPU beside PyTorch, on a model of Stable Diffusion 2.1's size with random weights.

    python bench_gpu.py --lb FILE --model-times FILE --runtime LIBONNXRUNTIME --pocket DIRECTORY

`cargo xtask bench gpu` builds both programs and calls it; docs/benchmarks.md says how to carry it to a machine
without Rust and without a network. Every measurement is printed as soon as it is made, and all of them as a
table at the end. It needs torch for CUDA, diffusers, and transformers.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BEGUN = time.perf_counter()
PROMPTS = ["a red apple", "a green pear"]
# 30 steps and 12 computed frames: 141 model evaluations, or 282 rows.
CLASSIC = ["--steps=30", "--branches=2,3,4,6,8,12", "--injection-steps=0,12,15,19,23,27", "--between=pictures"]
EVALUATIONS, FRAMES = 141, 12
# Seconds that torch.compile takes for two sizes of call.
COMPILING = 130
WARMING, RUNS = 3, 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lb", type=Path, required=True, help="the lb program")
    parser.add_argument("--model-times", type=Path, required=True, help="the example model_times of lb-benches")
    parser.add_argument("--runtime", type=Path, required=True, help="ONNX Runtime's library for CUDA")
    parser.add_argument("--pocket", type=Path, required=True, help="the bundled model")
    parser.add_argument("--work", type=Path, help="a folder for the large model (2.6 GB), which is kept there")
    parser.add_argument("--side", type=int, default=512, help="width and height in pixels")
    parser.add_argument("--device", default="cuda", help="lb's device")
    parser.add_argument("--seconds", type=float, default=340, help="seconds after which no measurement begins")
    parser.add_argument("--parts", default="lb,torch,compiled", help="what is measured, separated by commas")
    return parser.parse_args()


def elapsed():
    return time.perf_counter() - BEGUN


class Table:
    """The measurements so far, in the order in which they are made."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, note=""):
        self.rows.append((what, f"{value:.2f} {unit}", note))
        print(f"[{elapsed():5.0f} s] {what}: {value:.2f} {unit} {note}", flush=True)

    def show(self):
        print("\n| measured | value | notes |\n|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def environment(settings):
    """CUDA and cuDNN of PyTorch's wheels, unless lb finds its own beside ONNX Runtime."""
    found = os.environ.copy()
    package = importlib.util.find_spec("nvidia")
    folders = package.submodule_search_locations if package else []
    libraries = [str(path) for folder in folders for path in sorted(Path(folder).glob("*/lib"))]
    known = [found["LD_LIBRARY_PATH"]] if found.get("LD_LIBRARY_PATH") else []
    found["LD_LIBRARY_PATH"] = os.pathsep.join(known + libraries)
    found["ORT_DYLIB_PATH"] = str(settings.runtime.absolute())
    return found


def make_model(folder):
    if (folder / "model_index.json").is_file():
        return
    import torch
    script = Path(__file__).with_name("make_full_size.py")
    command = [sys.executable, script, folder, "--tokenizer", SETTINGS.pocket / "tokenizer", "--dtype", "float16"]
    if torch.cuda.is_available():
        command += ["--noise-from", "cuda"]
    subprocess.run([str(part) for part in command], check=True)


def render(table, what, flags, scratch):
    """Renders one film in a process of its own, and adds its seconds from start to end and what lb says about them."""
    if elapsed() > SETTINGS.seconds:
        return
    command = [str(SETTINGS.lb), "render", *PROMPTS, "--no-cache", "--force", "--json", "-q", *flags]
    begun = time.perf_counter()
    said = subprocess.run(command, env=ENVIRONMENT, cwd=scratch, capture_output=True, text=True, timeout=120)
    seconds = time.perf_counter() - begun
    if said.stderr:
        print(said.stderr.strip()[-2000:], flush=True)
    if said.returncode != 0:
        table.rows.append((what, "failed", ""))
        return
    parts = json.loads(said.stdout)["seconds"]
    parts = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
    table.add(what, seconds, "s", parts)


def run_lb(table, model, scratch):
    device, size = [f"--device={SETTINGS.device}"], [f"--size={SETTINGS.side}x{SETTINGS.side}"]
    classic = [*device, *size, f"--model={model}", *CLASSIC, "--frames-dir=frames"]
    for time_ in ["first", "second"]:
        render(table, f"lb, classic frames, {time_} process", classic, scratch)
    render(table, "lb, default film", [*device, *size, f"--model={model}", "-o", "film.mp4"], scratch)
    pocket = [f"--model={SETTINGS.pocket}", "-o", "pocket.mp4"]
    for _ in range(2):
        render(table, "lb, pocket, default film", [*device, *pocket], scratch)
    render(table, "lb, pocket, default film, CPU", ["--device=cpu", *pocket], scratch)

    command = [SETTINGS.model_times, model, SETTINGS.runtime, scratch / "times", SETTINGS.device, SETTINGS.side]
    command = [str(part) for part in command]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            facts = json.loads(line)
            what = f"lb, {facts['measured']}, same process"
            if "each" in facts:
                table.add(what, facts["each"], "ms each", f"first call {facts['first']:.0f} ms")
            else:
                parts = [f"{name} {facts[name]:.2f}" for name in ("loading", "sessions", "outside")]
                table.add(what, facts["seconds"], "s", ", ".join(parts))
    if process.returncode:
        table.rows.append(("lb, same process", "failed", f"exit status {process.returncode}"))


class Torch:
    """PyTorch's UNet and decoder in 16 bits."""

    def __init__(self, model):
        import torch
        from diffusers import AutoencoderKL, UNet2DConditionModel

        self.torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        load = lambda kind, part: kind.from_pretrained(model, subfolder=part, torch_dtype=torch.float16)
        self.unet = load(UNet2DConditionModel, "unet").eval().to(self.device)
        self.vae = load(AutoencoderKL, "vae").eval().to(self.device)

    def noise(self, *shape):
        return self.torch.randn(*shape, device=self.device, dtype=self.torch.float16)

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def predict(self, unet, rows):
        side = SETTINGS.side // 8
        latents, text = self.noise(rows, 4, side, side), self.noise(rows, 77, self.unet.config.cross_attention_dim)
        return lambda: unet(latents, 501, encoder_hidden_states=text).sample

    def decode(self, pictures):
        latents = self.noise(pictures, 4, SETTINGS.side // 8, SETTINGS.side // 8)
        return lambda: self.vae.decode(latents).sample

    def measure(self, table, what, run, rows):
        if elapsed() > SETTINGS.seconds:
            return
        milliseconds = []
        for _ in range(WARMING + RUNS):
            begun = time.perf_counter()
            run()
            self.wait()
            milliseconds.append(1e3 * (time.perf_counter() - begun))
        median = sorted(milliseconds[WARMING:])[RUNS // 2]
        table.add(what, median / rows, "ms each", f"first call {milliseconds[0]:.0f} ms")

    def film(self, table):
        """The UNet and the decoder alone, one branch after the other, as often as the classic film needs."""
        if elapsed() > SETTINGS.seconds:
            return
        predict, decode = self.predict(self.unet, 2), self.decode(1)
        begun = time.perf_counter()
        for _ in range(EVALUATIONS):
            predict()
        for _ in range(FRAMES):
            decode()
        self.wait()
        table.add("PyTorch, classic frames one by one, warm", time.perf_counter() - begun, "s")


def run_torch(table, model, parts):
    models = Torch(model)
    with models.torch.inference_mode():
        if "torch" in parts:
            for rows in (2, 4, 20):
                models.measure(table, f"PyTorch, UNet, {rows} rows", models.predict(models.unet, rows), rows)
            for pictures in (1, 4):
                models.measure(table, f"PyTorch, decoder, {pictures} pictures", models.decode(pictures), pictures)
            models.film(table)
        if "compiled" in parts:
            compiled = models.torch.compile(models.unet)
            for rows in (20, 4):
                if elapsed() + COMPILING / 2 > SETTINGS.seconds:
                    print(f"no time left to compile for {rows} rows", flush=True)
                    continue
                models.torch.compiler.reset()
                what = f"PyTorch compiled, UNet, {rows} rows"
                models.measure(table, what, models.predict(compiled, rows), rows)


def main():
    table, parts = Table(), SETTINGS.parts.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        model = (SETTINGS.work or scratch).absolute() / "sd21-full-size"
        try:
            make_model(model)
            table.add("making the model", elapsed(), "s")
            if "lb" in parts:
                run_lb(table, model, scratch)
            if "torch" in parts or "compiled" in parts:
                run_torch(table, model, parts)
        finally:
            table.show()


if __name__ == "__main__":
    SETTINGS = arguments()
    for name in ("lb", "model_times", "runtime", "pocket"):
        setattr(SETTINGS, name, getattr(SETTINGS, name).absolute())
    ENVIRONMENT = environment(SETTINGS)
    main()
