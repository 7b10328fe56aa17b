/**
 * Edits of the job document. Each returns a new document, in which what was not edited is the same object.
 *
 * A keyframe's table also describes the transition that follows it. Two neighbours that stay neighbours keep
 * their transition, because the table of the first of them moves as a whole; and the last table of a film that
 * is not a loop describes no transition, so settings that would end up there are given to the table that needs
 * some.
 */

import type { Job, Keyframe, Table, Whole } from "../api/types";

/** The settings of a keyframe's table that describe the transition after it. */
export const TRANSITION_KEYS = [
  "seconds",
  "pace",
  "easing",
  "guidance_damper",
  "quality",
  "branching",
  "depth_strength",
  "steps",
  "frames",
  "pictures",
  "branches",
  "injection_steps",
  "injection_strengths",
] as const;

const isOfTransition = (key: string) => (TRANSITION_KEYS as readonly string[]).includes(key);

export const keyframesOf = (job: Job): readonly Keyframe[] => job.keyframe ?? [];

/** How many transitions a film has. */
export function transitionCount(job: Job): number {
  const count = keyframesOf(job).length;
  return count < 2 ? 0 : job.loop ? count : count - 1;
}

/** Names that keyframes keep while they are edited, moved and undone. They are not part of the document. */
const names = new WeakMap<Keyframe, string>();
let named = 0;

export function nameOf(keyframe: Keyframe): string {
  let name = names.get(keyframe);
  if (!name) {
    name = `k${++named}`;
    names.set(keyframe, name);
  }
  return name;
}

function keepName(edited: Keyframe, original: Keyframe): Keyframe {
  names.set(edited, nameOf(original));
  return edited;
}

/** Gives the keyframes of a document that came from the server the names of those at the same places. */
export function keepNames(job: Job, before: Job): Job {
  const old = keyframesOf(before);
  keyframesOf(job).forEach((keyframe, index) => {
    const original = old[index];
    if (original && !names.has(keyframe)) keepName(keyframe, original);
  });
  return job;
}

function withKeyframes(job: Job, keyframe: Keyframe[]): Job {
  return { ...job, keyframe };
}

/** A table with a setting, or without it if the value is `undefined`. */
function withSetting<T extends Table>(table: T, key: string, value: unknown): T {
  const { [key]: _, ...rest } = table;
  return (value === undefined ? rest : { ...table, [key]: value }) as T;
}

/** Sets settings of a keyframe; those that are `undefined` become gaps. */
export function editKeyframe(job: Job, index: number, settings: Partial<Keyframe>): Job {
  return withKeyframes(
    job,
    keyframesOf(job).map((keyframe, at) => {
      if (at !== index) return keyframe;
      const edited = Object.entries(settings).reduce<Keyframe>(
        (table, [key, value]) => withSetting(table, key, value),
        keyframe,
      );
      return keepName(edited, keyframe);
    }),
  );
}

/** Sets a setting of the film, or of one of its tables (`defaults`, `crossfeed`, …). */
export function editFilm(job: Job, table: string, key: string, value: unknown): Job {
  if (table === "") return withSetting(job, key, value);
  const edited = withSetting((job[table] as Table | undefined) ?? {}, key, value);
  return withSetting(job, table, Object.keys(edited).length ? edited : undefined);
}

/** A setting of the film, or of one of its tables. */
export function filmSetting(job: Job, table: string, key: string): unknown {
  return table === "" ? job[key] : (job[table] as Table | undefined)?.[key];
}

/**
 * Gives every keyframe without a seed the one that it has now, which is one more than that of the prompt before
 * it; else inserting, moving and removing would change the pictures of others.
 */
export function withSeeds(job: Job): Job {
  let next: Whole = 0;
  const keyframes = keyframesOf(job).map((keyframe) => {
    if (keyframe.image !== undefined) return keyframe;
    const seed: Whole = keyframe.seed ?? next;
    next = typeof seed === "bigint" ? seed + 1n : seed + 1;
    return keyframe.seed === undefined ? keepName({ ...keyframe, seed }, keyframe) : keyframe;
  });
  return withKeyframes(job, keyframes);
}

/**
 * Inserts a keyframe before that at `index`. A transition that it splits describes both halves, unless the
 * keyframe has settings of its own.
 */
export function insertKeyframe(job: Job, index: number, keyframe: Keyframe): Job {
  const keyframes = [...keyframesOf(withSeeds(job))];
  const before = keyframes[index - 1];
  const splits = before !== undefined && (index < keyframes.length || job.loop === true);
  const inserted = splits ? { ...transitionSettings(before), ...keyframe } : keyframe;
  keyframes.splice(index, 0, inserted === keyframe ? keyframe : keepName(inserted, keyframe));
  return withKeyframes(job, keyframes);
}

export function duplicateKeyframe(job: Job, index: number): Job {
  const original = keyframesOf(withSeeds(job))[index];
  return original ? insertKeyframe(job, index + 1, { ...original }) : job;
}

/** Removes a keyframe; its neighbours are joined by the transition that led to it. */
export function removeKeyframe(job: Job, index: number): Job {
  const keyframes = keyframesOf(withSeeds(job)).filter((_, at) => at !== index);
  return withKeyframes(job, keyframes);
}

/** Moves a keyframe to another place, counted without it. */
export function moveKeyframe(job: Job, from: number, to: number): Job {
  const keyframes = [...keyframesOf(withSeeds(job))];
  const [moved] = keyframes.splice(from, 1);
  if (!moved || to < 0 || to > keyframes.length || from === to) return job;
  keyframes.splice(to, 0, moved);
  const last = keyframes.length - 1;
  if (!job.loop && from === last) hand(keyframes, last, to);
  if (!job.loop && to === last) hand(keyframes, last, last - 1);
  return withKeyframes(job, keyframes);
}

/** Gives the transition's settings of a table that needs none to another that has none. */
function hand(keyframes: Keyframe[], from: number, to: number): void {
  const [giver, taker] = [keyframes[from], keyframes[to]];
  if (!giver || !taker || Object.keys(transitionSettings(taker)).length) return;
  const settings = transitionSettings(giver);
  const rest = Object.fromEntries(Object.entries(giver).filter(([key]) => !isOfTransition(key)));
  keyframes[from] = keepName(rest, giver);
  keyframes[to] = keepName({ ...taker, ...settings }, taker);
}

function transitionSettings(keyframe: Keyframe): Table {
  return Object.fromEntries(Object.entries(keyframe).filter(([key]) => isOfTransition(key)));
}

/** A seed that is short enough to be read out. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000;
}
