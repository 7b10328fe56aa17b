/** The types of the API. */

/** A whole number that may be larger than JavaScript's numbers are exact. */
export type Whole = number | bigint;

export interface ApiError {
  error: { kind: "request" | "not_found" | "conflict" | "too_large" | "busy" | "failed"; message: string };
}

export interface Studio {
  version: string;
  demo: boolean;
  limits: { keyframes: number; upload_bytes: number; upload_pixels: number; queue: number };
  device: string;
  default_model: string;
}

export interface Model {
  name: string;
  kind: "text-to-image" | "inpaint" | "depth" | "upscale" | (string & {});
  width: number;
  height: number;
  few_step: boolean;
  defaults: { steps?: number; guidance_scale?: number; sampler?: string; timestep_spacing?: string; depth_strength?: number };
  words: boolean;
}

export type SettingValue = string | number | bigint | boolean | number[] | null;

export interface Setting {
  key: string;
  /** None for the top of the job. */
  table?: string;
  group: string;
  help: string;
  type:
    | "number"
    | "integer"
    | "text"
    | "boolean"
    | "choice"
    | "numbers"
    | "integers"
    | "size"
    | "number_or_text"
    | "picture"
    | (string & {});
  choices?: { name: string; help: string }[];
  default?: SettingValue;
  minimum?: number;
  maximum?: number;
}

/** A table of settings: the keys of docs/job-file.md. */
export type Table = { [key: string]: unknown };

/** A keyframe and the transition that follows it. */
export interface Keyframe extends Table {
  prompt?: string;
  seed?: Whole;
  variation_seed?: Whole;
  variation_strength?: number;
  image?: string;
  hold?: number;
}

/** The job document, as docs/job-file.md describes it. */
export interface Job extends Table {
  model?: string;
  size?: string;
  loop?: boolean;
  defaults?: Table;
  keyframe?: Keyframe[];
}

export interface ProjectSummary {
  id: string;
  name: string;
  /** Milliseconds since 1970, as all times. */
  modified: number;
  keyframes: number;
  seconds: number;
  picture?: string;
}

export interface Favourite {
  prompt: string;
  seed: Whole;
  model?: string;
  variation?: Variation;
  picture?: string;
}

/** Noise between that of a seed and that of another one. */
export interface Variation {
  seed: Whole;
  strength: number;
}

export interface Film {
  number: number;
  format: Format;
  file: string;
  url: string;
  width: number;
  height: number;
  frames: number;
  seconds: number;
  bytes: number;
  created: number;
  /** The same as `film.key` of the plan while nothing has changed. */
  job_key: string;
}

export interface Resolved {
  fps: number;
  keyframes: { seed: Whole; guidance_scale: number; hold: number }[];
  transitions: { seconds: number; steps: number; frames: number; pictures: number }[];
}

export interface Project {
  id: string;
  name: string;
  revision: number;
  job: Job;
  resolved: Resolved | null;
  problem?: string;
  favourites: Favourite[];
  films: Film[];
  pictures: { [sha256: string]: { width: number; height: number } };
  /** What an import had to leave out, in sentences. */
  left_out?: string[];
}

export interface Level {
  start: number;
  fractions: number[];
}

/** A computed frame between two keyframes. */
export interface FramePlan {
  fraction: number;
  picture: string;
}

export interface KeyframePlan {
  key: string;
  state: "ready" | "missing";
  picture?: string;
  evaluations: number;
  seconds?: number | null;
}

export interface TransitionPlan {
  key: string;
  state: "ready" | "partial" | "missing";
  frames: FramePlan[];
  computed_frames: number;
  in_betweens: number;
  evaluations: number;
  decodes: number;
  seconds?: number | null;
  tree: { steps: number; levels: Level[] };
}

export interface FilmPlan {
  key: string;
  frames: number;
  seconds: number;
  width: number;
  height: number;
  evaluations: number;
  missing_evaluations: number;
  decodes: number;
  render_seconds: number | null;
}

export interface Plan {
  problem?: string;
  keyframes: KeyframePlan[];
  transitions: TransitionPlan[];
  film: FilmPlan | null;
}

export type Format = "mp4" | "gif" | "webp" | "png" | "sheet";

export type Act =
  | { kind: "keyframe"; index: number }
  | { kind: "transition"; index: number }
  | { kind: "film"; format: Format }
  | { kind: "seeds"; prompt: string; negative_prompt?: string; model?: string; seeds: Whole[] }
  | { kind: "variations"; prompt: string; seed: Whole; negative_prompt?: string; model?: string; count: number; strength: number };

export interface Candidate {
  seed: Whole;
  variation?: Variation;
  key: string;
  picture: string;
}

export type TaskState = "waiting" | "running" | "paused" | "done" | "failed" | "cancelled";

export interface Task {
  id: string;
  project: string;
  act: Act;
  title: string;
  state: TaskState;
  progress: {
    phase: "encoding" | "inverting" | "loading" | "keyframes" | "transition" | "upscaling" | "decoding" | "finishing";
    transition?: number;
    evaluations: number;
    of_evaluations: number;
    reused_evaluations: number;
    decodes: number;
    of_decodes: number;
    rate?: number;
    seconds_left?: number;
  };
  error?: string;
  result?: { film?: number; pictures?: Candidate[]; warnings?: string[] };
  created: number;
  began?: number;
  ended?: number;
}

export interface Uploaded {
  sha256: string;
  width: number;
  height: number;
  path: string;
}

export interface Motion {
  frames: number;
  steps: number[];
}

export interface KeyframeEvent {
  task: string;
  project: string;
  index: number;
  key: string;
  picture: string;
}

export interface FrameEvent {
  task: string;
  project: string;
  transition: number;
  key: string;
  fraction: number;
  number: number;
  of: number;
  picture: string;
}

export interface StepEvent {
  task: string;
  project: string;
  /** `null` while keyframes are computed. */
  transition: number | null;
  key?: string | null;
  level: number;
  step: number;
  steps: number;
}
