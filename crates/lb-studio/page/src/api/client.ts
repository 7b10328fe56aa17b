/** Requests to the API. A failure is a [`Failure`] with the sentence that the program says about it. */

import { parseJson, toJson } from "./json";
import type {
  Act,
  AddOnKind,
  ApiError,
  Device,
  Favourite,
  Film,
  GivenPrompt,
  Job,
  KeptAddOn,
  KnownAddOn,
  Model,
  Motion,
  Plan,
  Project,
  ProjectSummary,
  PromptReading,
  Setting,
  Studio,
  Task,
  Uploaded,
  Within,
} from "./types";

/** A request that was refused, or that did not arrive (`status` 0). */
export class Failure extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What the answer contained. */
    readonly body?: unknown,
  ) {
    super(message);
  }
}

interface Options {
  method?: string;
  json?: unknown;
  body?: Blob;
  headers?: Record<string, string>;
}

async function request<T>(path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.json !== undefined) headers["content-type"] = "application/json";
  else if (options.body) headers["content-type"] = options.body.type || "application/octet-stream";
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, {
      method: options.method ?? "GET",
      headers,
      body: options.json !== undefined ? toJson(options.json) : options.body,
      credentials: "same-origin",
    });
  } catch {
    throw new Failure(0, "lb does not answer.");
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = text === "" ? undefined : parseJson(text);
  } catch {
    body = undefined;
  }
  if (!response.ok) {
    const message = (body as ApiError | undefined)?.error?.message ?? refusal(response.status);
    throw new Failure(response.status, message, body);
  }
  return body as T;
}

function refusal(status: number): string {
  if (status === 401) return "This page is no longer signed in. Open the address that lb studio printed.";
  if (status === 413) return "That is too large.";
  return `lb refused the request (${status}).`;
}

const project = (id: string) => `projects/${encodeURIComponent(id)}`;
const task = (id: string) => `tasks/${encodeURIComponent(id)}`;

export const api = {
  studio: () => request<Studio>("studio"),
  devices: () => request<Device[]>("devices"),
  chooseDevice: (device: string) => request<Studio>("devices", { method: "PUT", json: { device } }),
  models: () => request<Model[]>("models"),
  settings: () => request<Setting[]>("settings"),
  addOns: () => request<KnownAddOn[]>("add-ons"),
  readPrompt: (given: GivenPrompt) => request<PromptReading>("prompts", { method: "POST", json: given }),

  projects: () => request<ProjectSummary[]>("projects"),
  createProject: (given: { name?: string; job?: Job }) =>
    request<Project>("projects", { method: "POST", json: given }),
  importProject: (file: File) =>
    request<Project>("projects/import", {
      method: "POST",
      body: file,
      headers: { "x-file-name": encodeURIComponent(file.name) },
    }),
  project: (id: string) => request<Project>(project(id)),
  saveJob: (id: string, job: Job, revision: number) =>
    request<Project>(`${project(id)}/job`, {
      method: "PUT",
      json: job,
      headers: { "if-match": `"${revision}"` },
    }),
  patchProject: (id: string, patch: { name?: string; favourites?: Favourite[] }) =>
    request<Project>(project(id), { method: "PATCH", json: patch }),
  duplicateProject: (id: string) => request<Project>(`${project(id)}/duplicate`, { method: "POST" }),
  removeProject: (id: string) => request<void>(project(id), { method: "DELETE" }),
  plan: (id: string) => request<Plan>(`${project(id)}/plan`),
  /** The finest film that is rendered within some seconds. */
  within: (id: string, seconds: number) =>
    request<Within>(`${project(id)}/within`, { method: "POST", json: { seconds } }),
  upload: (id: string, picture: Blob) =>
    request<Uploaded>(`${project(id)}/pictures`, { method: "POST", body: picture }),
  uploadAddOn: (id: string, kind: AddOnKind, file: File) =>
    request<KeptAddOn>(`${project(id)}/add-ons/${kind}`, {
      method: "POST",
      body: file,
      headers: { "x-file-name": encodeURIComponent(file.name) },
    }),
  chooseAddOn: (id: string, kind: AddOnKind, name: string) =>
    request<KeptAddOn>(`${project(id)}/add-ons/${kind}/known`, { method: "POST", json: { name } }),
  removeFilm: (id: string, film: number) => request<void>(`${project(id)}/films/${film}`, { method: "DELETE" }),
  films: (id: string) => request<Film[]>(`${project(id)}/films`),
  motion: (id: string, film: number) => request<Motion>(`${project(id)}/films/${film}/motion`),

  tasks: () => request<Task[]>("tasks"),
  start: (id: string, act: Act) => request<Task>("tasks", { method: "POST", json: { project: id, act } }),
  cancel: (id: string) => request<Task>(`${task(id)}/cancel`, { method: "POST" }),
  pause: (id: string) => request<Task>(`${task(id)}/pause`, { method: "POST" }),
  resume: (id: string) => request<Task>(`${task(id)}/resume`, { method: "POST" }),
  move: (id: string, before: string | null) =>
    request<unknown>(`${task(id)}/move`, { method: "POST", json: { before } }),
};

/** Where a picture with a content key is. */
export const pictureUrl = (key: string) => `/api/pictures/${encodeURIComponent(key)}`;
/** Where an uploaded picture is, from its path in the job. */
export const uploadUrl = (id: string, path: string) =>
  `/api/${project(id)}/pictures/${encodeURIComponent(path.replace(/^pictures\//, "").replace(/\.png$/, ""))}`;
/** Where the job file of a project is downloaded. */
export const jobFileUrl = (id: string) => `/api/${project(id)}/job.toml`;
