/** What an act will compute, what is there already, and how long it takes, in words. */

import type { KeyframePlan, Plan, TransitionPlan } from "../api/types";
import { counted, duration, length } from "../controls/time";

export interface Cost {
  /** What will be computed, or that nothing has to be. */
  computes: string;
  /** What is there already. */
  there?: string;
  /** How long it takes here. */
  takes?: string;
}

const takes = (seconds: number | null | undefined) =>
  seconds === null || seconds === undefined ? "the time is known after the first render" : `about ${duration(seconds)}`;

export function costOfKeyframe(plan: KeyframePlan | undefined): Cost | undefined {
  if (!plan) return undefined;
  if (plan.state === "ready") return { computes: "This picture is there." };
  return { computes: "1 picture", takes: takes(plan.seconds) };
}

/** How many computed frames a transition has between its keyframes. */
export const betweenOf = (plan: TransitionPlan) => Math.max(0, plan.computed_frames - 2);

export function costOfTransition(plan: TransitionPlan | undefined): Cost | undefined {
  if (!plan) return undefined;
  if (plan.state === "ready") return { computes: `All ${counted(betweenOf(plan), "frame")} are there.` };
  const there = plan.frames.length;
  return {
    computes: `${counted(betweenOf(plan), "frame")} in ${counted(plan.tree.steps, "step")}`,
    there: there ? `${there} of ${betweenOf(plan)} there` : undefined,
    takes: takes(plan.seconds),
  };
}

export function costOfFilm(plan: Plan | undefined, made = false): Cost | undefined {
  if (!plan?.film) return undefined;
  const ready = plan.transitions.filter(({ state }) => state === "ready").length;
  const count = plan.transitions.length;
  const { film } = plan;
  const computes = `${length(film.seconds)} film, ${counted(film.frames, "frame")}`;
  if (made) return { computes };
  if (film.missing_evaluations === 0) {
    return { computes, there: "everything is computed", takes: film.render_seconds ? takes(film.render_seconds) : undefined };
  }
  return {
    computes,
    there: ready ? `${ready} of ${counted(count, "transition")} there` : undefined,
    takes: takes(film.render_seconds),
  };
}
