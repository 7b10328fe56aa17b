/** What can be done with the keyframes of the strip. Each is one step of the history, and is announced. */

import type { Keyframe } from "../api/types";
import { duplicateKeyframe, insertKeyframe, keyframesOf, moveKeyframe, nameOf, randomSeed, removeKeyframe } from "../job/edits";
import { announce, notify } from "../session/notices";
import { edit, job, selection } from "../session/open-project";
import { studio } from "../session/studio";

let edits = 0;
/** Names an edit that is never merged with another. */
const single = (what: string) => `${what} ${++edits}`;

function select(index: number): void {
  const keyframe = keyframesOf(job.peek())[index];
  selection.value = keyframe ? { kind: "keyframe", name: nameOf(keyframe) } : { kind: "film" };
}

function full(): boolean {
  const most = studio.peek()?.limits.keyframes ?? Infinity;
  if (keyframesOf(job.peek()).length < most) return false;
  notify(`A film has at most ${most} keyframes here.`, "problem");
  return true;
}

export const actions = {
  /** Inserts a keyframe before that at `index`, and selects it. */
  insert(index: number, keyframe: Keyframe = { prompt: "", seed: randomSeed() }): void {
    if (full()) return;
    edit(single("insert"), (job) => insertKeyframe(job, index, keyframe));
    select(index);
    announce(`Inserted keyframe ${index + 1}.`);
  },

  duplicate(index: number): void {
    if (full()) return;
    edit(single("duplicate"), (job) => duplicateKeyframe(job, index));
    select(index + 1);
    announce(`Duplicated keyframe ${index + 1}.`);
  },

  remove(index: number): void {
    edit(single("remove"), (job) => removeKeyframe(job, index));
    announce(`Removed keyframe ${index + 1}.`);
  },

  /** Moves a keyframe. Tells whether there was a place to move it to. */
  move(from: number, to: number): boolean {
    const count = keyframesOf(job.peek()).length;
    if (to < 0 || to >= count || from === to) return false;
    edit(single("move"), (job) => moveKeyframe(job, from, to));
    select(to);
    announce(`Moved to place ${to + 1} of ${count}.`);
    return true;
  },
};
