/** A transition on the strip: its computed frames side by side, which fill while it is rendered. */

import { useMemo } from "preact/hooks";
import { pictureUrl } from "../api/client";
import type { Keyframe, TransitionPlan } from "../api/types";
import { length } from "../controls/time";
import { betweenOf } from "../inspector/cost";
import { filmSetting } from "../job/edits";
import { job, knownTransition, project } from "../session/open-project";
import { runningTask, settings } from "../session/studio";
import { slotsOf } from "./slots";

interface TransitionCardProps {
  index: number;
  /** The keyframe with which it begins. */
  keyframe: Keyframe;
  /** The place of the keyframe with which it ends. */
  to: number;
  current: boolean;
  onSelect(): void;
}

/** How many pictures of a transition the strip shows. */
const SLOTS = 10;

export function TransitionCard({ index, keyframe, to, current, onSelect }: TransitionCardProps) {
  const { plan, frames, outdated } = knownTransition(index);
  const ready = plan?.state === "ready";
  const between = plan ? betweenOf(plan) : 0;
  const slots = useMemo(() => slotsOf(frames, SLOTS, ready || outdated), [frames, ready, outdated]);
  const seconds = secondsOf(keyframe);
  const rendering = isRendering(index, plan);
  const state = ready ? "ready" : rendering ? "rendering" : outdated ? "changed" : plan?.state ?? "missing";
  const words = {
    ready: "rendered",
    rendering: `rendering, ${frames.length} of ${between} frames`,
    changed: "changed since it was rendered",
    partial: `${frames.length} of ${between} frames there`,
    missing: "not rendered yet",
  }[state];
  return (
    <button
      type="button"
      data-strip=""
      class={`transition-card ${state}`}
      aria-current={current ? "true" : undefined}
      tabIndex={current ? 0 : -1}
      onClick={onSelect}
      onFocus={(event) => event.currentTarget.matches(":focus-visible") && onSelect()}
    >
      <span class="visually-hidden">
        Transition from {index + 1} to {to + 1}:{" "}
      </span>
      <span class="slots" aria-hidden="true">
        {/* Each shows its part of the picture, so that together they are one picture that changes. */}
        {slots.map((picture, slot) =>
          picture ? (
            <img
              key={slot}
              src={pictureUrl(picture)}
              alt=""
              loading="lazy"
              draggable={false}
              style={{ objectPosition: `${(slot / (SLOTS - 1)) * 100}% 50%` }}
            />
          ) : (
            <i key={slot} />
          ),
        )}
      </span>
      <span class="facts">
        <b>{length(seconds)}</b>
        <span class="visually-hidden">, {words}</span>
        <span class="state" aria-hidden="true">{ready ? "" : state === "missing" ? "not rendered" : state === "changed" ? "changed" : `${frames.length} of ${between}`}</span>
        {to < index && <span class="back">back to the start</span>}
      </span>
    </button>
  );
}

/** The length of the transition after a keyframe, before the program has said so. */
function secondsOf(keyframe: Keyframe): number {
  const declared = settings.value.find(({ key, table }) => key === "seconds" && table === "defaults")?.default;
  return Number(keyframe.seconds ?? filmSetting(job.value, "defaults", "seconds") ?? declared ?? 3);
}

function isRendering(index: number, plan: TransitionPlan | undefined): boolean {
  const task = runningTask.value;
  if (!task || !plan || plan.state === "ready" || task.project !== project.value?.id) return false;
  return task.act.kind === "film" ? plan.state === "partial" : task.act.kind === "transition" && task.act.index === index;
}
