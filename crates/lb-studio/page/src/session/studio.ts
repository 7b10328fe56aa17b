/** What the program tells about itself, its projects and its queue. */

import { computed, signal } from "@preact/signals";
import { api } from "../api/client";
import type { KeyframeEvent, KnownAddOn, Model, ProjectSummary, Setting, Studio, Task } from "../api/types";

export const studio = signal<Studio | null>(null);
export const models = signal<readonly Model[]>([]);
/** The LoRAs, embeddings and VAE decoders of this machine. */
export const knownAddOns = signal<readonly KnownAddOn[]>([]);
/** A setting, whose table is empty for the top of the job. */
export type TableSetting = Setting & { table: string };
export const settings = signal<readonly TableSetting[]>([]);
export const projects = signal<readonly ProjectSummary[] | null>(null);
export const tasks = signal<readonly Task[]>([]);
export const connection = signal<"connecting" | "open" | "lost">("connecting");

export const isActive = ({ state }: Task) => state === "waiting" || state === "running" || state === "paused";
export const activeTasks = computed(() => tasks.value.filter(isActive));
export const runningTask = computed(() => tasks.value.find(({ state }) => state === "running"));

export async function loadStudio(): Promise<void> {
  const [about, known, declared, files] = await Promise.all([api.studio(), api.models(), api.settings(), api.addOns()]);
  studio.value = about;
  models.value = known;
  knownAddOns.value = files;
  settings.value = declared.map((setting) => ({ ...setting, table: setting.table ?? "" }));
}

export async function loadProjects(): Promise<void> {
  projects.value = await api.projects();
}

export async function loadTasks(): Promise<void> {
  const before = tasks.peek();
  const loaded = await api.tasks();
  tasks.value = withLoaded(loaded, before, tasks.peek());
}

/**
 * The tasks after a list of them was loaded. What events have told since it was asked for (`before`) may be newer
 * than the list, and if it is not, further events follow.
 */
export function withLoaded(loaded: readonly Task[], before: readonly Task[], now: readonly Task[]): Task[] {
  const told = now.filter((task) => !before.includes(task));
  const listed = loaded.map((task) => {
    const known = now.find(({ id }) => id === task.id);
    return known && told.includes(known) ? known : newer(task, known);
  });
  return [...listed, ...told.filter(({ id }) => !loaded.some((task) => task.id === id))];
}

/** What has ended does not go on: a task that does was sent earlier. */
const newer = (task: Task, known: Task | undefined) => (known && !isActive(known) && isActive(task) ? known : task);

/** Puts a task that has changed in the place of the old one. */
export function putTask(task: Task): void {
  const known = tasks.peek().some(({ id }) => id === task.id);
  tasks.value = known ? tasks.peek().map((old) => (old.id === task.id ? newer(task, old) : old)) : [...tasks.peek(), task];
}

/** Drops the tasks of a project that is gone, and the pictures that they have made. */
export function dropTasksOf(project: string): void {
  const gone = tasks.peek().filter((task) => task.project === project);
  if (gone.length === 0) return;
  tasks.value = tasks.peek().filter((task) => !gone.includes(task));
  arrived.value = new Map([...arrived.peek()].filter(([id]) => !gone.some((task) => task.id === id)));
}

/** The pictures of seeds and variations that have arrived while their task runs, by task and index. */
export const arrived = signal<ReadonlyMap<string, readonly KeyframeEvent[]>>(new Map());

export function putArrived(event: KeyframeEvent): void {
  const before = arrived.peek().get(event.task) ?? [];
  if (before.some(({ index }) => index === event.index)) return;
  arrived.value = new Map(arrived.peek()).set(event.task, [...before, event]);
}

/** Puts tasks into the order of the queue. Those that it does not name are finished and come first. */
export function orderTasks(order: readonly string[]): void {
  const place = new Map(order.map((id, index) => [id, index]));
  tasks.value = [...tasks.peek()].sort((a, b) => (place.get(a.id) ?? -1) - (place.get(b.id) ?? -1));
}

/** The model with a name; without one, that which the program uses. */
export function modelNamed(name: string | undefined): Model | undefined {
  const wanted = name ?? studio.value?.default_model;
  return models.value.find((model) => model.name === wanted);
}

/** The model with which a newcomer's first film is there soonest. */
export const quickModel = computed(() => models.value.find((model) => model.few_step && isPlain(model)));

export const isPlain = (model: Model) => /text/.test(model.kind);
export const isInpainting = (model: Model | undefined) => /inpaint/.test(model?.kind ?? "");
export const isDepth = (model: Model | undefined) => /depth/.test(model?.kind ?? "");
export const upscalers = computed(() => models.value.filter(({ kind }) => /upscal/.test(kind)));
