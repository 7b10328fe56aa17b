/** What the page tells people: sentences that appear for a while, and announcements for screen readers. */

import { signal } from "@preact/signals";
import { Failure } from "../api/client";

export interface Notice {
  id: number;
  text: string;
  tone: "information" | "problem";
}

export const notices = signal<readonly Notice[]>([]);
/** What a screen reader says next. */
export const announcement = signal("");

let count = 0;
const SHOWN_FOR = 7000;

export function notify(text: string, tone: Notice["tone"] = "information"): void {
  if (notices.peek().some((notice) => notice.text === text)) return;
  const notice = { id: ++count, text, tone };
  notices.value = [...notices.peek(), notice].slice(-3);
  setTimeout(() => dismiss(notice.id), SHOWN_FOR);
}

export function dismiss(id: number): void {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
}

export function announce(text: string): void {
  announcement.value = text;
}

/** Shows why something did not work, and gives what it returned otherwise. */
export async function attempt<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    notify(error instanceof Failure ? error.message : String(error), "problem");
    return undefined;
  }
}
