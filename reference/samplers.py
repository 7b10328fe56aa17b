"""diffusers' schedulers, for branches that begin after some of the steps. Keywords override what their
configuration in the model directory says."""

from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    TCDScheduler,
)


class Ddim:
    """A step depends on nothing before it."""

    initial_noise = 1.0

    def __init__(self, directory, **more):
        self.scheduler = DDIMScheduler.from_pretrained(
            directory, subfolder="scheduler", **more
        )

    def set_steps(self, count):
        self.scheduler.set_timesteps(count)
        self.timesteps = self.scheduler.timesteps

    def resume(self, step, prediction):
        pass

    def step(self, output, timestep, latents):
        """Latents after the step, and the prediction of them clean."""
        result = self.scheduler.step(output, timestep, latents)
        return result.prev_sample, result.pred_original_sample


class DpmSolver:
    """DPM-Solver++(2M): a step also reads the prediction of the step before."""

    initial_noise = 1.0

    def __init__(self, directory, **more):
        self.scheduler = DPMSolverMultistepScheduler.from_pretrained(
            directory,
            subfolder="scheduler",
            algorithm_type="dpmsolver++",
            solver_order=2,
            solver_type="midpoint",
            **more,
        )

    def set_steps(self, count):
        self.count = count
        self.scheduler.set_timesteps(count)
        self.timesteps = self.scheduler.timesteps

    def resume(self, step, prediction):
        """Continues at `step`, after a step that predicted `prediction`; at step 0 there is none."""
        self.scheduler.set_timesteps(self.count)
        self.scheduler.set_begin_index(step)
        if step > 0:
            self.scheduler.model_outputs = [None, prediction]
            self.scheduler.lower_order_nums = 1

    def step(self, output, timestep, latents):
        """Latents after the step, and the prediction of them clean."""
        latents = self.scheduler.step(output, timestep, latents).prev_sample
        return latents, self.scheduler.model_outputs[-1]


class Euler:
    """Euler's method without added noise.

    Its latents are kept as the model sees them, divided by sqrt(1 + sigma^2), like those of the others.
    """

    def __init__(self, directory, **more):
        self.scheduler = EulerDiscreteScheduler.from_pretrained(
            directory, subfolder="scheduler", **more
        )

    def set_steps(self, count):
        self.scheduler.set_timesteps(count)
        self.timesteps = self.scheduler.timesteps
        self.scales = (1 + self.scheduler.sigmas**2) ** 0.5
        self.initial_noise = float(self.scheduler.init_noise_sigma / self.scales[0])

    def resume(self, step, prediction):
        self.index = step

    def step(self, output, timestep, latents):
        """Latents after the step, and the prediction of them clean."""
        self.scheduler._step_index = self.index
        self.scheduler.is_scale_input_called = True
        result = self.scheduler.step(output, timestep, latents * self.scales[self.index])
        return result.prev_sample / self.scales[self.index + 1], result.pred_original_sample


class Tcd:
    """TCD without added noise."""

    initial_noise = 1.0

    def __init__(self, directory, **more):
        self.scheduler = TCDScheduler.from_pretrained(
            directory, subfolder="scheduler", **more
        )

    def set_steps(self, count):
        self.scheduler.set_timesteps(count)
        self.timesteps = self.scheduler.timesteps

    def resume(self, step, prediction):
        self.index = step

    def step(self, output, timestep, latents):
        """Latents after the step, and the prediction of them clean."""
        self.scheduler._step_index = self.index
        after = self.scheduler.step(output, timestep, latents, eta=0.0).prev_sample
        alpha = self.scheduler.alphas_cumprod[int(timestep)]
        signal, noise = alpha**0.5, (1 - alpha) ** 0.5
        clean = {
            "epsilon": lambda: (latents - noise * output) / signal,
            "v_prediction": lambda: signal * latents - noise * output,
            "sample": lambda: output,
        }[self.scheduler.config.prediction_type]()
        return after, clean


SAMPLERS = {"ddim": Ddim, "dpmpp-2m": DpmSolver, "euler": Euler, "tcd": Tcd}
