"""diffusers' schedulers, for branches that begin in the middle of a walk."""

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler


class Ddim:
    """A step depends on nothing before it."""

    def __init__(self, directory):
        self.scheduler = DDIMScheduler.from_pretrained(directory, subfolder="scheduler")

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

    def __init__(self, directory):
        self.scheduler = DPMSolverMultistepScheduler.from_pretrained(
            directory,
            subfolder="scheduler",
            algorithm_type="dpmsolver++",
            solver_order=2,
            solver_type="midpoint",
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


SAMPLERS = {"ddim": Ddim, "dpmpp-2m": DpmSolver}
