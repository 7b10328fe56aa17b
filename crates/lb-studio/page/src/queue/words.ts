/** How far a task is, in words and as a share. */

import type { Task } from "../api/types";
import { duration } from "../controls/time";

const PHASES: Record<NonNullable<Task["progress"]["phase"]>, string> = {
  loading: "Loading the model",
  encoding: "Reading the prompts",
  inverting: "Reading your pictures",
  keyframes: "Drawing keyframes",
  transition: "Computing frames",
  upscaling: "Drawing it larger",
  decoding: "Decoding pictures",
  finishing: "Writing the film",
};

/** `Computing frames · 42 % · 31 evaluations a second · about 8 s left` */
export function wordsOf(task: Task): string {
  if (task.state === "waiting") return "Waiting";
  const { phase, rate, seconds_left } = task.progress;
  const share = `${Math.floor(shareOf(task) * 100)} %`;
  if (task.state === "paused") return `Paused · ${share}`;
  const parts = [PHASES[phase ?? "loading"], share];
  if (rate) parts.push(`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} evaluations a second`);
  if (seconds_left !== null && seconds_left !== undefined) parts.push(`about ${duration(seconds_left)} left`);
  return parts.join(" · ");
}

/** How much a decoded picture counts beside an evaluation. */
const DECODE = 0.5;

/** The share of a task that is done, from 0 to 1. */
export function shareOf({ progress, state }: Task): number {
  if (state === "done") return 1;
  const { evaluations = 0, of_evaluations = 0, reused_evaluations = 0, decodes = 0, of_decodes = 0 } = progress;
  const whole = of_evaluations + DECODE * of_decodes;
  if (whole <= 0) return 0;
  return Math.min(1, (evaluations + reused_evaluations + DECODE * decodes) / whole);
}
