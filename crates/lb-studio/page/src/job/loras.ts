/**
 * The LoRAs of a film, and how strong each is in each keyframe.
 *
 * The film has a list of LoRAs with strengths (`lora` of the defaults). A keyframe without a list of its own has the
 * film's. One whose strengths differ has a list of all LoRAs, because a list replaces the film's.
 */

import type { Job, Keyframe, Table } from "../api/types";
import { editFilm, editKeyframe, keyframesOf } from "./edits";

export interface Lora {
  /** The path by which the job names the file. */
  path: string;
  /** 0 is not at all, 1 as it was trained. */
  strength: number;
}

/** Reads `PATH:STRENGTH`. */
function readLora(text: string): Lora {
  const colon = text.lastIndexOf(":");
  const strength = colon < 0 || text.slice(colon + 1).trim() === "" ? NaN : Number(text.slice(colon + 1));
  return Number.isFinite(strength) ? { path: text.slice(0, colon), strength } : { path: text, strength: 1 };
}

const writeLora = ({ path, strength }: Lora) => `${path}:${strength}`;

function listOf(table: Table | undefined): Lora[] | undefined {
  const list = table?.lora;
  return Array.isArray(list) ? list.map((text) => readLora(String(text))) : undefined;
}

/** The name that a file of the project had, without the hash of its content. */
export const addOnName = (path: string) => path.replace(/^.*\//, "").replace(/^[0-9a-f]{64}-/, "").replace(/\.\w+$/, "");

/** The LoRAs of a film. One that only keyframes name has the strength 0 in all others. */
export function filmLoras(job: Job): Lora[] {
  const loras = listOf(job.defaults) ?? [];
  for (const keyframe of keyframesOf(job)) {
    for (const { path } of listOf(keyframe) ?? []) {
      if (!loras.some((lora) => lora.path === path)) loras.push({ path, strength: 0 });
    }
  }
  return loras;
}

/** How strong each LoRA of the film is in a keyframe, and whether that is the keyframe's own setting. */
export function keyframeLoras(job: Job, keyframe: Keyframe): (Lora & { own: boolean })[] {
  const own = listOf(keyframe);
  return filmLoras(job).map(({ path, strength }) => {
    if (!own) return { path, strength, own: false };
    const here = own.find((lora) => lora.path === path)?.strength ?? 0;
    return { path, strength: here, own: here !== strength };
  });
}

/** Gives the film these LoRAs, and every keyframe with strengths of its own the list that `change` makes of its. */
function withLoras(job: Job, loras: Lora[], change: (own: Lora[]) => Lora[]): Job {
  const list = loras.length ? loras.map(writeLora) : undefined;
  return keyframesOf(job).reduce(
    (edited, keyframe, index) => {
      const own = listOf(keyframe);
      return own ? withOwn(edited, index, change(own), loras) : edited;
    },
    editFilm(job, "defaults", "lora", list),
  );
}

/** Gives a keyframe strengths, which are its own only where they differ from the film's. */
function withOwn(job: Job, index: number, own: Lora[], film: Lora[]): Job {
  const all = film.map(({ path }) => ({ path, strength: own.find((lora) => lora.path === path)?.strength ?? 0 }));
  const same = all.every(({ strength }, at) => strength === film[at]!.strength);
  return editKeyframe(job, index, { lora: same ? undefined : all.map(writeLora) });
}

/** Adds a LoRA to the film, at the end of its list. */
export function addLora(job: Job, path: string, strength = 1): Job {
  const loras = filmLoras(job);
  if (loras.some((lora) => lora.path === path)) return job;
  return withLoras(job, [...loras, { path, strength }], (own) => [...own, { path, strength }]);
}

/** Removes a LoRA from the film and from all keyframes. */
export function removeLora(job: Job, path: string): Job {
  const others = (loras: Lora[]) => loras.filter((lora) => lora.path !== path);
  return withLoras(job, others(filmLoras(job)), others);
}

/** Sets how strong a LoRA is where a keyframe does not say otherwise. */
export function setFilmStrength(job: Job, path: string, strength: number): Job {
  const before = filmLoras(job);
  const set = (loras: Lora[]) => loras.map((lora) => (lora.path === path ? { path, strength } : lora));
  const old = before.find((lora) => lora.path === path)?.strength;
  return withLoras(job, set(before), (own) => (own.find((lora) => lora.path === path)?.strength === old ? set(own) : own));
}

/** Sets how strong a LoRA is in one keyframe; `undefined` is as in the film. */
export function setStrength(job: Job, index: number, path: string, strength: number | undefined): Job {
  const keyframe = keyframesOf(job)[index];
  if (!keyframe) return job;
  const film = filmLoras(job);
  const to = strength ?? film.find((lora) => lora.path === path)?.strength ?? 0;
  const own = keyframeLoras(job, keyframe).map((lora) => (lora.path === path ? { path, strength: to } : lora));
  // One that only keyframes have named stays in the film's list, whatever they say.
  const listed = editFilm(job, "defaults", "lora", film.length ? film.map(writeLora) : undefined);
  return withOwn(listed, index, own, film);
}
