"""The student: from the teacher's weights, it learns to reach the same points in 1 to 8 steps."""
import copy
import math
import time

import torch

import checkpoint
from teacher import POINTS, Text, Walk, load_unet, trailing

# How often a batch is walked in so many steps. All walks share timesteps, so that a step at one of
# them is a compromise between long and short ones; the next steps start where it really arrives.
SHARES = {4: 0.6, 2: 0.2, 8: 0.1, 1: 0.1}
HELD_OUT = 256


@torch.no_grad()
def rollout(unet, walk, latents, conditioning, steps):
    """The latents before each of the steps, and after the last one."""
    timesteps, states = trailing(steps), [latents]
    for now, after in zip(timesteps, [*timesteps[1:], -1]):
        velocity = unet(states[-1], now, conditioning).sample.float()
        states.append(walk.step(states[-1], velocity, now, after))
    return states


def batch_loss(unet, walk, points, conditioning, steps, device):
    """Mean squared distance between where the student's steps arrive and the teacher's points there.

    Every step starts where the student's own earlier steps have led it, and so it learns to mend their
    errors. Longer steps go farther astray: the distances of a walk are divided by what its mean error in
    velocity is multiplied by.
    """
    timesteps = trailing(steps)
    after = [*timesteps[1:], -1]
    with torch.autocast(device, torch.bfloat16):
        own = rollout(unet, walk, points[:, 0], conditioning, steps)[:-1]
        at = torch.tensor(timesteps, device=device).repeat_interleave(len(points))
        velocity = unet(torch.cat(own), at, conditioning.repeat(steps, 1, 1)).sample
    loss, scale = 0, 0
    for index, velocity in enumerate(velocity.float().chunk(steps)):
        arrival = walk.step(own[index], velocity, timesteps[index], after[index])
        wanted = points[:, (index + 1) * POINTS // steps]
        loss = loss + (arrival - wanted).square().mean()
        scale += walk.reach(timesteps[index], after[index]) ** 2
    return loss / scale


def train(points, ids, work, start, minutes, batch, peak, device, log):
    """Trains the UNet of the model `start` for `minutes` of its own time, resuming from the work folder.

    Returns the averaged UNet.
    """
    walk, text = Walk(device), Text(device)
    unet = load_unet(device, start).train()
    average = copy.deepcopy(unet).eval().requires_grad_(False)
    parameters, averages = list(unet.parameters()), list(average.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=peak, betas=(0.9, 0.99), weight_decay=1e-2, fused=True)
    step, spent = 0, 0.0
    saved = checkpoint.load(work / "student.pt")
    if saved:
        unet.load_state_dict(saved["unet"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, spent = saved["step"], saved["spent"]
        log(f"resumed at step {step}, {spent / 60:.1f} minutes")
    held_out = points[-HELD_OUT:].to(device).float(), text.encode(ids[-HELD_OUT:])
    count = len(points) - HELD_OUT
    kept = points[:count].to(device) if device != "cpu" else points[:count]
    draw = torch.Generator().manual_seed(step)
    choices = torch.tensor(list(SHARES.values()))
    started = last_saved = last_said = time.time()

    def keep():
        checkpoint.save(work / "student.pt", dict(
            unet=unet.state_dict(), average=average.state_dict(), optimiser=optimiser.state_dict(),
            step=step, spent=spent + time.time() - started))

    losses = {}
    while (progress := (spent + time.time() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = peak * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 2e-6
        steps = list(SHARES)[torch.multinomial(choices, 1, generator=draw).item()]
        # The same number of rows in every batch, whatever the number of steps.
        picks = torch.randint(count, (max(1, batch * 4 // steps),), generator=draw)
        conditioning = text.encode(ids[picks])
        some = kept[picks.to(kept.device)].to(device).float()
        loss = batch_loss(unet, walk, some, conditioning, steps, device)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        torch._foreach_lerp_(averages, parameters, 1 - min(0.998, (1 + step) / (10 + step)))
        losses.setdefault(steps, []).append(loss.detach())
        if time.time() - last_said > 20:
            last_said = time.time()
            means = {at: f"{torch.stack(some).mean().item():.4f}" for at, some in sorted(losses.items())}
            log(f"step {step}, {(spent + time.time() - started) / 60:.1f} min, loss by steps {means}; "
                f"held out {errors(average, walk, held_out, device)}")
            losses = {}
        if time.time() - last_saved > 180:
            last_saved = time.time()
            keep()
    keep()
    log(f"step {step}; held out {errors(average, walk, held_out, device)}")
    return average


def errors(unet, walk, held_out, device):
    """How far the student's last latents are from the teacher's: the mean squared error by steps."""
    points, conditioning = held_out
    found = {}
    for steps in sorted(SHARES):
        with torch.autocast(device, torch.bfloat16):
            last = rollout(unet, walk, points[:, 0], conditioning, steps)[-1]
        found[steps] = f"{(last - points[:, -1]).square().mean().item():.4f}"
    return found
