/**
 * What is not saved yet outlives a reload, and a program that does not answer: it is kept in the browser's storage,
 * with the revision that it was made from. A browser without storage loses at most the last edits.
 */

import { parseJson, toJson } from "../api/json";
import type { Job } from "../api/types";

export interface Draft {
  /** The revision of the project that was edited. */
  revision: number;
  job: Job;
}

const keyOf = (id: string) => `lb-unsaved-${id}`;

export function rememberDraft(id: string, draft: Draft): void {
  try {
    localStorage.setItem(keyOf(id), toJson(draft));
  } catch {
    // The storage is full or forbidden.
  }
}

export function forgetDraft(id: string): void {
  try {
    localStorage.removeItem(keyOf(id));
  } catch {
    // Without storage, there is nothing to forget.
  }
}

export function draftOf(id: string): Draft | undefined {
  try {
    const draft = parseJson(localStorage.getItem(keyOf(id)) ?? "null") as Draft | null;
    return draft && typeof draft.revision === "number" && draft.job ? draft : undefined;
  } catch {
    return undefined;
  }
}
