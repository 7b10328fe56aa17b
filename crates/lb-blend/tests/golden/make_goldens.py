"""Writes the fixtures beside this script: torch's noise, diffusers' DDIM, its inversion, DPM-Solver++, and the
schedulers of distilled models, for tests/it/golden.rs.

    python make_goldens.py

The fixtures name the versions they were made with. Everything is seeded; a second run writes the
same files (to within the last digits, on another processor).
"""

import json
import pathlib

import diffusers
import numpy
import torch
from diffusers import (
    DDIMInverseScheduler,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    TCDScheduler,
)

HERE = pathlib.Path(__file__).parent
SEEDS = [0, 1, 42, 2**31 + 5, 2**32 - 1, 2**32 + 7, 2**63 + 12345]
SIZES = [1, 2, 7, 15, 16, 17, 20, 31, 32, 33, 100, 1024, 4 * 31 * 33, 4 * 96 * 96]
# Of longer draws every value up to here, then every 499th and the last 17 (they are drawn twice).
WHOLE = 33

SD21 = dict(
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    steps_offset=1,
    set_alpha_to_one=False,
    clip_sample=False,
)
CONFIGS = {
    "sd21 v": dict(SD21, prediction_type="v_prediction"),
    "sd21 epsilon": dict(SD21, prediction_type="epsilon"),
    "sample, linear betas": dict(prediction_type="sample", clip_sample=False),
    "diffusers' defaults": dict(),
    "narrow clip, v": dict(SD21, prediction_type="v_prediction", clip_sample=True, clip_sample_range=0.6),
    "trailing, zero terminal SNR, v": dict(
        SD21,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
    ),
    "linspace, cosine, v": dict(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        timestep_spacing="linspace",
        clip_sample=False,
    ),
    "trained betas, epsilon": dict(
        num_train_timesteps=40,
        trained_betas=[0.001 * (i + 1) for i in range(40)],
        clip_sample=False,
    ),
}
STEPS = [1, 2, 3, 4, 5, 7, 10, 12, 15, 20, 28, 30, 37, 38, 50, 60, 100, 107, 250, 333, 500, 999, 1000]
SPACINGS = ["leading", "linspace", "trailing"]
PREDICTIONS = ["epsilon", "v_prediction", "sample"]
INVERSION_STEPS = [1, 2, 3, 7, 20, 30, 50, 333, 999]
FEW_STEPS = [1, 2, 4, 8]
SOLVER_STEPS = [1, 2, 3, 4, 5, 7, 10, 14, 15, 20, 30, 50, 333, 500, 999, 1000]


def rounded(values):
    """Nine significant digits: exact for a float32."""
    return [float(f"{float(value):.9g}") for value in values]


def sampled(values):
    if len(values) <= WHOLE:
        return list(range(len(values)))
    strided = range(WHOLE, len(values) - 17, 499)
    return [*range(WHOLE), *strided, *range(max(WHOLE, len(values) - 17), len(values))]


def noise():
    draws = []
    for seed in SEEDS:
        for size in SIZES if seed in SEEDS[:3] else [5, 20, 64]:
            values = torch.randn(size, generator=torch.Generator().manual_seed(seed))
            indices = sampled(values)
            # Mean absolute value over all, so that no value goes unseen.
            mean = float(values.double().abs().mean())
            draws.append(dict(seed=str(seed), size=size, mean=mean, values=rounded(values[indices])))
    generator = torch.Generator().manual_seed(9)
    sequence = [
        dict(size=size, values=rounded(torch.randn(size, generator=generator)))
        for size in [3, 20, 4, 1, 16, 2]
    ]
    return dict(whole=WHOLE, stride=499, tail=17, draws=draws, sequence_seed=9, sequence=sequence)


def model(latents, timestep):
    """A stand-in for a model: smooth, different for every value and timestep."""
    index = torch.arange(len(latents), dtype=torch.float32)
    return 0.3 * latents + (0.1 * index - 0.35) * (0.5 + timestep / 1000)


def ddim():
    start_seed = 3
    start = torch.randn(8, generator=torch.Generator().manual_seed(start_seed))
    walks = []
    for name, config in CONFIGS.items():
        scheduler = DDIMScheduler(**config)
        length = scheduler.config.num_train_timesteps
        alphas = scheduler.alphas_cumprod
        marks = sorted({0, 1, length // 3, length // 2, length - 2, length - 1})
        runs = []
        for steps in STEPS if name in ("sd21 v", "sd21 epsilon") else STEPS[:9] + [30, 500, 1000]:
            if steps > length or steps == length and scheduler.config.steps_offset > 0 and scheduler.config.timestep_spacing == "leading":
                continue  # diffusers fails there
            scheduler.set_timesteps(steps)
            latents, cleans = start, []
            for timestep in scheduler.timesteps:
                out = scheduler.step(model(latents, int(timestep)), timestep, latents)
                latents, clean = out.prev_sample, out.pred_original_sample
                cleans.append(clean)
            middle = cleans[len(cleans) // 2]
            runs.append(dict(steps=steps, latents=rounded(latents), clean=rounded(cleans[-1]), middle_clean=rounded(middle)))
        walks.append(
            dict(
                name=name,
                config={key: value for key, value in scheduler.config.items() if not key.startswith("_")},
                alphas_cumprod=[[mark, float(f"{float(alphas[mark]):.9g}")] for mark in marks],
                runs=runs,
            )
        )
    return dict(start_seed=start_seed, start=rounded(start), walks=walks)


def inversion():
    """From clean latents up to noise, where each step's model output is that of the step's start."""
    start_seed = 5
    start = torch.randn(8, generator=torch.Generator().manual_seed(start_seed))
    walks = []
    names = ["sd21 v", "sd21 epsilon", "narrow clip, v", "trailing, zero terminal SNR, v", "trained betas, epsilon"]
    for name in names:
        scheduler = DDIMInverseScheduler(**CONFIGS[name])
        length = scheduler.config.num_train_timesteps
        runs = []
        for steps in INVERSION_STEPS:
            if steps > length:
                continue
            scheduler.set_timesteps(steps)
            if len(scheduler.timesteps) != steps:
                continue  # numpy's rounding has added a step at timestep -1
            latents, states = start, []
            for timestep in scheduler.timesteps:
                latents = scheduler.step(model(latents, int(timestep)), int(timestep), latents).prev_sample
                states.append(latents)
            middle = states[(len(states) - 1) // 2]
            runs.append(dict(steps=steps, latents=rounded(latents), middle=rounded(middle)))
        kept = {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
        walks.append(dict(name=name, config=kept, runs=runs))
    return dict(start_seed=start_seed, start=rounded(start), walks=walks)


def solver():
    """DPM-Solver++(2M) as diffusers makes it from DDIM's configuration."""
    configs = {
        f"sd21, {prediction}, {spacing}": dict(SD21, prediction_type=prediction, timestep_spacing=spacing)
        for prediction in PREDICTIONS
        for spacing in SPACINGS
    }
    configs["sd21 v, no spacing named"] = dict(SD21, prediction_type="v_prediction")
    for name in ["trailing, zero terminal SNR, v", "linspace, cosine, v", "trained betas, epsilon"]:
        configs[name] = CONFIGS[name]
    start_seed = 4
    start = torch.randn(4, generator=torch.Generator().manual_seed(start_seed))
    walks = []
    for name, config in configs.items():
        ddim = DDIMScheduler(**config)
        scheduler = DPMSolverMultistepScheduler.from_config(ddim.config)
        length = scheduler.config.num_train_timesteps
        runs = []
        for steps in SOLVER_STEPS:
            if steps > length:
                continue
            scheduler.set_timesteps(steps)
            if len(scheduler.sigmas.unique()) <= steps:
                continue  # diffusers divides by the distance of two equal ones
            latents, cleans = start, []
            for timestep in scheduler.timesteps:
                latents = scheduler.step(model(latents, int(timestep)), timestep, latents).prev_sample
                cleans.append(scheduler.model_outputs[-1])
            middle = cleans[len(cleans) // 2]
            runs.append(dict(steps=steps, latents=rounded(latents), clean=rounded(cleans[-1]), middle_clean=rounded(middle)))
        kept = {key: value for key, value in ddim.config.items() if not key.startswith("_")}
        kept["timestep_spacing"] = config.get("timestep_spacing")
        walks.append(dict(name=name, config=kept, alphas_cumprod=[], runs=runs))
    sums = {}
    for spacing in SPACINGS:
        scheduler = DPMSolverMultistepScheduler.from_config(dict(SD21, timestep_spacing=spacing))
        # For every N the sum of (i + 1)·t over the first N timesteps.
        sums[spacing] = []
        for steps in range(1, 1001):
            scheduler.set_timesteps(steps)
            sums[spacing].append(int((scheduler.timesteps.numpy()[:steps] * numpy.arange(1, steps + 1)).sum()))
    return dict(start_seed=start_seed, start=rounded(start), walks=walks, weighted_sums=sums)


def few_steps():
    """Schedulers as distilled models name them: their timesteps, noise levels, and a walk from unit noise.

    Latents of Euler are given as its model sees them: divided by sqrt(1 + sigma^2).
    """
    betas = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    euler = dict(betas, steps_offset=1)
    zero_snr = dict(rescale_betas_zero_snr=True)
    v, epsilon = dict(prediction_type="v_prediction"), dict(prediction_type="epsilon")
    trailing, leading, linspace = (dict(timestep_spacing=name) for name in ["trailing", "leading", "linspace"])
    sigma_min = dict(final_sigmas_type="sigma_min")
    cases = [
        ("euler", dict(euler, **trailing, **epsilon), [*FEW_STEPS, 3, 7, 24]),
        ("euler", dict(euler, **trailing, **v), FEW_STEPS),
        ("euler", dict(euler, **trailing, **v, **zero_snr), FEW_STEPS),
        ("euler", dict(euler, **trailing, **v, **sigma_min), FEW_STEPS),
        ("euler", dict(euler, **leading, **epsilon), [*FEW_STEPS, 3, 7, 24]),
        # With other numbers the timesteps of linspace are not whole.
        ("euler", dict(euler, **linspace, **epsilon), [2, 4, 10, 28]),
        ("euler", dict(euler, **epsilon), [2, 4]),
        ("tcd", dict(betas, **epsilon), [*FEW_STEPS, 3, 7, 50]),
        ("tcd", dict(betas, **v), FEW_STEPS),
        ("tcd", dict(betas, **v, **zero_snr), FEW_STEPS),
        ("tcd", dict(betas, **epsilon, original_inference_steps=20), FEW_STEPS),
        ("tcd", dict(betas, **v, clip_sample=True, clip_sample_range=0.6), FEW_STEPS),
        ("dpmpp-2m", dict(euler, **trailing, **epsilon), FEW_STEPS),
        ("dpmpp-2m", dict(euler, **trailing, **v), FEW_STEPS),
        ("dpmpp-2m", dict(euler, **trailing, **v, **zero_snr), FEW_STEPS),
        ("dpmpp-2m", dict(euler, **trailing, **v, **sigma_min), [*FEW_STEPS, 14, 15, 20]),
        ("dpmpp-2m", dict(euler, **leading, **epsilon, **sigma_min), [*FEW_STEPS, 20]),
    ]
    classes = {"euler": EulerDiscreteScheduler, "tcd": TCDScheduler, "dpmpp-2m": DPMSolverMultistepScheduler}
    start_seed = 6
    start = torch.randn(6, generator=torch.Generator().manual_seed(start_seed))
    walks = []
    for sampler, config, counts in cases:
        runs = []
        for steps in counts:
            scheduler = classes[sampler](**config)
            scheduler.set_timesteps(steps)
            latents = start * scheduler.init_noise_sigma
            if sampler == "tcd":
                alphas = [scheduler.alphas_cumprod[int(at)] for at in scheduler.timesteps]
            else:
                alphas = [1 / (1 + sigma**2) for sigma in scheduler.sigmas[:steps].double()]
            initial = None
            for timestep in scheduler.timesteps:
                seen = latents
                if sampler == "euler":
                    seen = scheduler.scale_model_input(latents, timestep)
                if initial is None:
                    initial = seen
                more = dict(eta=0.0) if sampler == "tcd" else {}
                out = scheduler.step(model(seen, int(timestep)), timestep, latents, **more)
                latents = out.prev_sample
                if sampler == "euler":
                    clean = out.pred_original_sample
                elif sampler == "tcd":
                    clean = None  # it returns its last latents instead
                else:
                    clean = scheduler.model_outputs[-1]
            if sampler == "euler":
                latents = latents / (1 + scheduler.sigmas[steps] ** 2) ** 0.5
            runs.append(
                dict(
                    steps=steps,
                    timesteps=[int(at) for at in scheduler.timesteps],
                    alphas_cumprod=rounded(alphas),
                    initial=rounded(initial),
                    latents=rounded(latents),
                    clean=None if clean is None else rounded(clean),
                )
            )
        walks.append(dict(sampler=sampler, config=config, runs=runs))
    grids = {}
    for original in [20, 50]:
        lcm = LCMScheduler(**betas, original_inference_steps=original)
        grids[original] = []
        for steps in [*FEW_STEPS, 3, 7, original]:
            lcm.set_timesteps(steps)
            grids[original].append([int(at) for at in lcm.timesteps])
    return dict(start_seed=start_seed, start=rounded(start), walks=walks, lcm_grids=grids)


def timesteps():
    """For every N: how many timesteps, the first, the last, and the sum of (i + 1)·t over the first N."""
    spacings = {}
    for spacing in SPACINGS:
        scheduler = DDIMScheduler(**SD21, timestep_spacing=spacing)
        rows = []
        for steps in range(1, 1001):
            scheduler.set_timesteps(steps)
            visited = scheduler.timesteps.numpy()
            first = visited[:steps]
            rows.append([len(visited), int(first[0]), int(first[-1]), int((first * numpy.arange(1, steps + 1)).sum())])
        spacings[spacing] = rows
    return dict(spacings=spacings)


def write(name, content):
    versions = dict(torch=torch.__version__, diffusers=diffusers.__version__, numpy=numpy.__version__)
    content = dict(script="make_goldens.py", versions=versions, **content)
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    (HERE / name).write_text(text.replace(']},{', ']},\n{').replace('],[', '],\n[') + "\n")


torch.set_num_threads(1)
write("noise.json", noise())
write("ddim.json", ddim())
write("ddim_inversion.json", inversion())
write("dpm_solver.json", solver())
write("few_steps.json", few_steps())
write("timesteps.json", timesteps())
