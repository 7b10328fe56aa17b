/**
 * The server's events. The browser's EventSource connects again by itself and says with `Last-Event-ID` what
 * it has seen; the server sends `reset` if it no longer knows what came after that.
 */

import { parseJson } from "./json";

/** What the page is told by events, and about the connection. */
export interface Listener {
  /** The connection is open; everything may have changed if it was not mended by resuming. */
  opened(): void;
  lost(): void;
  /** Events have been missed: load everything again. */
  reset(): void;
  event(type: EventType, data: unknown): void;
}

const TYPES = ["task", "queue", "project", "keyframe", "frame", "step", "removed"] as const;
export type EventType = (typeof TYPES)[number];

/** How long after a refusal a new connection is tried, in milliseconds. */
const RETRY = 1500;

export function listen(listener: Listener): void {
  connect(listener, false);
}

/** Connects. After a refusal (`again`), it is not known what was missed. */
function connect(listener: Listener, again: boolean): void {
  const source = new EventSource("/api/events");
  let missed = again;
  source.onopen = () => {
    listener.opened();
    if (missed) listener.reset();
    missed = false;
  };
  source.onerror = () => {
    listener.lost();
    // The browser gives up after a refusal, as when another program answers. A new EventSource cannot say
    // what it has seen, so everything is loaded again.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => connect(listener, true), RETRY);
    }
  };
  source.addEventListener("reset", () => listener.reset());
  for (const type of TYPES) {
    source.addEventListener(type, (event) => {
      listener.event(type, parseJson((event as MessageEvent<string>).data));
    });
  }
}
