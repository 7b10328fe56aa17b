/**
 * The types of the API, by the names that the page uses. They are those of `schema.d.ts`, which
 * `npm run types` makes from the program's OpenAPI file, with two differences: seeds may be larger than
 * JavaScript's numbers are exact, and the job is a document that is edited by the keys of its settings.
 */

import type { components } from "./schema";

type Schemas = components["schemas"];

/** A whole number that may be larger than JavaScript's numbers are exact. */
export type Whole = number | bigint;

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

/** Noise between that of a seed and that of another one. */
export type Variation = Omit<Schemas["VariationFacts"], "seed"> & { seed: Whole };
/** What has a seed and perhaps a variation. */
type Exact<T> = Omit<T, "seed" | "variation"> & { seed: Whole; variation?: Variation | null };

export type ApiError = Schemas["ErrorBody"];
export type Studio = Schemas["StudioFacts"];
export type Device = Schemas["DeviceFacts"];
export type Model = Schemas["ModelFacts"];
export type Setting = Schemas["SettingFacts"];
export type ProjectSummary = Schemas["ProjectFacts"];
export type Favourite = Exact<Schemas["Favourite"]>;
export type Film = Schemas["FilmFacts"];
export type Format = Schemas["FilmFormat"];
export type Project = Omit<Schemas["ProjectBody"], "job" | "favourites"> & { job: Job; favourites: Favourite[] };
export type KnownAddOn = Schemas["KnownAddOnFacts"];
export type KeptAddOn = Schemas["KeptAddOn"];
export type AddOnKind = Schemas["AddOnKind"];
export type GivenPrompt = Partial<Schemas["GivenPrompt"]>;
export type PromptReading = Schemas["ReadPrompt"];
export type Uploaded = Schemas["UploadedPicture"];
export type Motion = Schemas["Motion"];
export type Within = Omit<Schemas["WithinBody"], "job"> & { job: Job };

export type Plan = Omit<Schemas["PlanBody"], "transitions"> & { transitions: TransitionPlan[] };
export type KeyframePlan = Schemas["PlannedKeyframe"];
export type TransitionPlan = Omit<Schemas["PlannedTransition"], "frames"> & { frames: FramePlan[] };
export type Level = Schemas["TreeLevelFacts"];
/** A computed frame between two keyframes. */
export type FramePlan = Pick<Schemas["FramePicture"], "fraction" | "picture">;

type GivenAct = Schemas["Act"];
type ActOf<Kind extends GivenAct["kind"]> = Extract<GivenAct, { kind: Kind }>;
export type Act =
  | ActOf<"keyframe" | "transition" | "film">
  | (Omit<ActOf<"seeds">, "seeds"> & { seeds: Whole[] })
  | (Omit<ActOf<"variations">, "seed"> & { seed: Whole });
export type Candidate = Exact<Schemas["SeedPicture"]>;
type Result = Omit<Schemas["TaskResult"], "pictures"> & { pictures?: Candidate[] };
export type Task = Omit<Schemas["Task"], "act" | "result"> & { act: Act; result?: Result | null };

export type KeyframeEvent = Schemas["KeyframeEvent"];
export type FrameEvent = Schemas["FrameEvent"];
export type StepEvent = Schemas["StepEvent"];
