/**
 * The project that is open. Its job document is the single truth on the page: every edit makes a new document,
 * is shown at once, and is saved shortly after. The plan, which the program makes from what was saved, says
 * what of it is computed.
 */

import { batch, computed, effect, signal } from "@preact/signals";
import { api, Failure } from "../api/client";
import { sameJson } from "../api/json";
import type { Act, FrameEvent, Job, Keyframe, KeyframeEvent, KeyframePlan, Plan, Project, TransitionPlan } from "../api/types";
import { keepNames, keyframesOf, nameOf, transitionCount } from "../job/edits";
import { emptyHistory, recorded, redone, undone } from "../job/history";
import type { Reached } from "../tree/layout";
import { draftOf, forgetDraft, rememberDraft } from "./drafts";
import { announce, attempt, notify } from "./notices";
import { putTask } from "./studio";

export type Selection = { kind: "keyframe" | "transition"; name: string } | { kind: "film" };

export const project = signal<Project | null>(null);
export const job = signal<Job>({});
export const history = signal(emptyHistory<Job>());
export const selection = signal<Selection>({ kind: "film" });
export const saving = signal<"saved" | "saving" | "unsaved">("saved");
/** The last plan, and the document that it is about. */
export const planned = signal<{ plan: Plan; job: Job } | null>(null);
/** How far the trees of transitions that are being computed have come, by the transitions' keys. */
export const reached = signal<ReadonlyMap<string, Reached>>(new Map());

/** How long the page waits for another edit before it saves, in milliseconds. */
const SAVED_AFTER = 200;

let saved: Job = {};
let timer: ReturnType<typeof setTimeout> | undefined;
let underway: Promise<boolean> | undefined;
let planRequests = 0;

export const keyframes = computed(() => keyframesOf(job.value));

/** What keeps the film from being made, in a sentence. */
export const problem = computed(() => {
  const empty = keyframes.value.findIndex(({ prompt, image }) => !prompt?.trim() && !image);
  if (empty >= 0) return `Say what keyframe ${empty + 1} shows, or give it a picture.`;
  return planned.value?.plan.problem;
});

/** The place of the selected keyframe, or of that with which the selected transition begins; -1 for the film. */
export const selectedIndex = computed(() => {
  const selected = selection.value;
  return selected.kind === "film" ? -1 : keyframes.value.findIndex((keyframe) => nameOf(keyframe) === selected.name);
});

// Opening and closing

export async function openProject(id: string): Promise<void> {
  if (project.peek()?.id === id) return;
  closeProject();
  const opened = await attempt(api.project(id));
  if (opened) show(opened);
  else location.hash = "#/";
}

/** Shows a project that has just been loaded or made. */
export function show(opened: Project): void {
  const draft = draftOf(opened.id);
  const again = selectionOf(opened);
  batch(() => {
    saved = opened.job;
    project.value = opened;
    job.value = opened.job;
    history.value = emptyHistory();
    planned.value = null;
    reached.value = new Map();
    pictures.clear();
    strips.clear();
    selection.value = again;
  });
  if (draft && !sameJson(draft.job, opened.job)) {
    if (draft.revision !== opened.revision) tellOfOtherEdit();
    edit("unsaved", () => keepNames(draft.job, opened.job));
  } else {
    forgetDraft(opened.id);
    saving.value = "saved";
    void loadPlan();
  }
}

export function closeProject(): void {
  void flush();
  batch(() => {
    project.value = null;
    planned.value = null;
    job.value = {};
  });
}

/** Loads the open project again, after events were missed or when it was changed by another page. */
export async function reloadProject(): Promise<void> {
  const open = project.peek();
  if (!open) return;
  const again = await api.project(open.id);
  const current = project.peek();
  // An answer that was overtaken by that to an edit is older than what is shown.
  if (current?.id !== open.id || again.revision < current.revision) return;
  if (job.peek() !== saved) {
    // Edits keep the revision that they were made from, so that saving them finds out about other ones.
    project.value = { ...again, revision: current.revision, job: current.job };
  } else {
    batch(() => {
      project.value = again;
      if (!sameJson(again.job, saved)) {
        saved = keepNames(again.job, job.peek());
        job.value = saved;
      }
    });
  }
  await loadPlan();
}

// Edits

/** Edits the document. Edits of the same thing (`what`) soon after each other are undone together. */
export function edit(what: string, change: (job: Job) => Job): void {
  const before = job.peek();
  const after = change(before);
  if (after === before) return;
  batch(() => {
    history.value = recorded(history.peek(), before, what, Date.now());
    setJob(after);
  });
}

export function undo(): void {
  const back = undone(history.peek(), job.peek());
  if (!back) return;
  batch(() => {
    history.value = back.history;
    setJob(back.document);
  });
  announce("Undone.");
}

export function redo(): void {
  const forth = redone(history.peek(), job.peek());
  if (!forth) return;
  batch(() => {
    history.value = forth.history;
    setJob(forth.document);
  });
  announce("Done again.");
}

function setJob(after: Job): void {
  const index = selectedIndex.peek();
  job.value = after;
  const selected = selection.peek();
  const all = keyframesOf(after);
  if (selected.kind !== "film" && !all.some((keyframe) => nameOf(keyframe) === selected.name)) {
    const near = all[Math.min(Math.max(index, 0), all.length - 1)];
    selection.value = near ? { kind: "keyframe", name: nameOf(near) } : { kind: "film" };
  } else if (selected.kind === "transition" && index >= transitionCount(after)) {
    selection.value = { kind: "keyframe", name: selected.name };
  }
  saving.value = "unsaved";
  rememberUnsaved();
  clearTimeout(timer);
  timer = setTimeout(() => void flush(), SAVED_AFTER);
}

/** Saves what is not saved yet. Tells whether everything is saved now. */
export function flush(): Promise<boolean> {
  clearTimeout(timer);
  underway ??= save().finally(() => (underway = undefined));
  return underway;
}

async function save(): Promise<boolean> {
  while (project.peek() && job.peek() !== saved) {
    const open = project.peek()!;
    const document = job.peek();
    const isOpen = () => project.peek()?.id === open.id;
    saving.value = "saving";
    try {
      const answer = await api.saveJob(open.id, document, open.revision);
      if (!isOpen()) {
        settleDraft(answer, document);
        continue;
      }
      saved = document;
      project.value = { ...answer, job: document };
      if (job.peek() !== saved) rememberUnsaved();
    } catch (error) {
      const status = error instanceof Failure ? error.status : undefined;
      if (!isOpen()) {
        // Its draft is kept until it is opened again, unless it is gone.
        if (status === 404) forgetDraft(open.id);
        continue;
      }
      saving.value = "unsaved";
      if (status === 409 && ((await merge(open, document)) || !isOpen())) continue;
      if (status === 0) {
        timer = setTimeout(() => void flush(), 2000);
      } else if (status !== 409) {
        notify(error instanceof Failure ? error.message : String(error), "problem");
      }
      return false;
    }
  }
  saving.value = "saved";
  const open = project.peek();
  if (open) forgetDraft(open.id);
  await loadPlan();
  return true;
}

/** Takes notice of another page's edit. Ours goes on top of it, and theirs can be had back by undoing. */
async function merge(open: Project, document: Job): Promise<boolean> {
  const current = await attempt(api.project(open.id));
  if (!current || project.peek()?.id !== open.id) return false;
  project.value = { ...current, job: document };
  if (!sameJson(current.job, saved)) {
    const theirs = keepNames(current.job, document);
    history.value = recorded(history.peek(), theirs, `merge ${current.revision}`, Date.now());
    tellOfOtherEdit();
  }
  saved = current.job;
  rememberUnsaved();
  return true;
}

function tellOfOtherEdit(): void {
  notify("This film was also edited in another window. Undo brings that version back.");
}

function rememberUnsaved(): void {
  const open = project.peek();
  if (open) rememberDraft(open.id, { revision: open.revision, job: job.peek() });
}

/** After a document of a project that is no longer open was saved: edits that followed it remain a draft. */
function settleDraft({ id, revision }: Project, document: Job): void {
  const draft = draftOf(id);
  if (!draft) return;
  if (sameJson(draft.job, document)) forgetDraft(id);
  else rememberDraft(id, { revision, job: draft.job });
}

/** What was selected is selected again after a reload. */
const selectedKey = (id: string) => `lb-selected-${id}`;

effect(() => {
  const open = project.value;
  const { kind } = selection.value;
  const index = selectedIndex.value;
  try {
    if (open) sessionStorage.setItem(selectedKey(open.id), `${kind} ${index}`);
  } catch {
    // Without storage, the selection is the only thing that a reload loses.
  }
});

function selectionOf({ id, job, films }: Project): Selection {
  let [kind, index]: string[] = [];
  try {
    [kind, index] = sessionStorage.getItem(selectedKey(id))?.split(" ") ?? [];
  } catch {
    // As if nothing had been selected.
  }
  const all = keyframesOf(job);
  const keyframe = kind === undefined ? (films.length ? undefined : all[0]) : all[Number(index)];
  if (!keyframe || kind === "film") return { kind: "film" };
  return { kind: kind === "transition" ? "transition" : "keyframe", name: nameOf(keyframe) };
}

// What is computed

export async function loadPlan(): Promise<void> {
  const open = project.peek();
  if (!open) return;
  const request = ++planRequests;
  const about = saved;
  try {
    const plan = await api.plan(open.id);
    if (request === planRequests && project.peek()?.id === open.id) {
      remember(plan, about);
      planned.value = { plan, job: about };
    }
  } catch (error) {
    if (!(error instanceof Failure && error.status === 0)) await attempt(Promise.reject(error));
  }
}

/** The last pictures of keyframes and strips of transitions, which stay visible, faded, once they are outdated. */
const pictures = new Map<string, string>();
const strips = new Map<string, TransitionPlan["frames"]>();

const pairOf = (keyframes: readonly Keyframe[], index: number) =>
  `${nameOf(keyframes[index]!)}>${nameOf(keyframes[(index + 1) % keyframes.length]!)}`;

function remember(plan: Plan, about: Job): void {
  const all = keyframesOf(about);
  plan.keyframes.forEach(({ picture }, index) => {
    if (picture && all[index]) pictures.set(nameOf(all[index]), picture);
  });
  plan.transitions.forEach(({ frames }, index) => {
    if (frames.length > 0 && all[index]) strips.set(pairOf(all, index), frames);
  });
}

/** The settings that decide what picture a keyframe is. */
const PICTURE_KEYS = ["prompt", "seed", "variation_seed", "variation_strength", "image", "negative_prompt", "guidance_scale", "lora"];
const samePicture = (a: Keyframe, b: Keyframe) => a === b || PICTURE_KEYS.every((key) => a[key] === b[key]);

const plannedKeyframes = computed(() => {
  const about = planned.value;
  const all = about ? keyframesOf(about.job) : [];
  return new Map(all.map((keyframe, index) => [nameOf(keyframe), { keyframe, plan: about!.plan.keyframes[index] }]));
});

const plannedTransitions = computed(() => {
  const about = planned.value;
  const all = about ? keyframesOf(about.job) : [];
  return new Map(about?.plan.transitions.map((plan, index) => [all[index] ? pairOf(all, index) : "", plan]) ?? []);
});

/** What is known of a keyframe: its plan, if that is about it as it is now, and the last picture of it. */
export function known(keyframe: Keyframe): { plan?: KeyframePlan; picture?: string; outdated: boolean } {
  const found = plannedKeyframes.value.get(nameOf(keyframe));
  const plan = found && samePicture(found.keyframe, keyframe) ? found.plan : undefined;
  const last = pictures.get(nameOf(keyframe));
  return plan?.picture ? { plan, picture: plan.picture, outdated: false } : { plan, picture: last, outdated: !!last };
}

/** What is known of the transition after the keyframe at `index`. */
export function knownTransition(index: number): { plan?: TransitionPlan; frames: TransitionPlan["frames"]; outdated: boolean } {
  const all = keyframes.value;
  if (index >= transitionCount(job.value)) return { frames: [], outdated: false };
  const plan = plannedTransitions.value.get(pairOf(all, index));
  if (plan && (plan.state !== "missing" || plan.frames.length > 0)) return { plan, frames: plan.frames, outdated: false };
  const last = strips.get(pairOf(all, index));
  return { plan, frames: last ?? plan?.frames ?? [], outdated: !!last };
}

/** The frames of a transition with the pictures of its keyframes around them, as far as they are there. */
export function framesBetween(index: number): TransitionPlan["frames"] {
  const all = keyframes.value;
  const [first, second] = [all[index], all[(index + 1) % all.length]];
  const ends = [first, second].map((keyframe, fraction) => {
    const picture = keyframe && known(keyframe).plan?.picture;
    return picture ? [{ fraction, picture }] : [];
  });
  return [...ends[0]!, ...knownTransition(index).frames, ...ends[1]!];
}

/** A keyframe has been computed. */
export function putKeyframe({ key, picture }: KeyframeEvent): void {
  changePlan((plan) => ({
    ...plan,
    keyframes: plan.keyframes.map((keyframe) =>
      keyframe.key === key ? { ...keyframe, state: "ready", picture, seconds: 0, evaluations: 0 } : keyframe,
    ),
  }));
}

/** A frame of a transition has been computed. */
export function putFrame({ key, fraction, picture }: FrameEvent): void {
  changePlan((plan) => ({
    ...plan,
    transitions: plan.transitions.map((transition) => {
      if (transition.key !== key || transition.frames.some((frame) => frame.fraction === fraction)) return transition;
      const frames = [...transition.frames, { fraction, picture }].sort((a, b) => a.fraction - b.fraction);
      return { ...transition, state: frames.length >= transition.computed_frames - 2 ? "ready" : "partial", frames };
    }),
  }));
}

function changePlan(change: (plan: Plan) => Plan): void {
  const about = planned.peek();
  if (!about) return;
  const plan = change(about.plan);
  remember(plan, about.job);
  planned.value = { plan, job: about.job };
}

// Acts

/** Starts an act on the document as it is now. */
export async function start(act: Act): Promise<boolean> {
  const open = project.peek();
  if (!open || !(await flush())) return false;
  const task = await attempt(api.start(open.id, act));
  if (task) putTask(task);
  return !!task;
}
