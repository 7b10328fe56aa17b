/**
 * Undo and redo over whole documents. Documents are never changed in place, so that a history of many edits
 * holds little more than the edits.
 */

export interface History<Document> {
  readonly past: readonly Document[];
  readonly future: readonly Document[];
  /** What the last edit changed, and when: further edits of the same thing soon after are one step. */
  readonly last?: { readonly what: string; readonly at: number };
}

/** Edits of the same thing within this time are undone together, in milliseconds. */
export const MERGED_WITHIN = 1200;
/** How many steps are kept. */
export const STEPS_KEPT = 200;

export function emptyHistory<Document>(): History<Document> {
  return { past: [], future: [] };
}

/** The history after an edit of `what`, before which the document was `before`. */
export function recorded<Document>(
  history: History<Document>,
  before: Document,
  what: string,
  now: number,
): History<Document> {
  const merged = history.last?.what === what && now - history.last.at < MERGED_WITHIN && history.past.length > 0;
  const past = merged ? history.past : [...history.past, before].slice(-STEPS_KEPT);
  return { past, future: [], last: { what, at: now } };
}

export function undone<Document>(
  history: History<Document>,
  current: Document,
): { history: History<Document>; document: Document } | undefined {
  const document = history.past.at(-1);
  if (document === undefined) return undefined;
  return { document, history: { past: history.past.slice(0, -1), future: [current, ...history.future] } };
}

export function redone<Document>(
  history: History<Document>,
  current: Document,
): { history: History<Document>; document: Document } | undefined {
  const [document, ...future] = history.future;
  if (document === undefined) return undefined;
  return { document, history: { past: [...history.past, current], future } };
}
