/** The queue: what runs, what waits, and what was done, with cancel, pause and reorder. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../api/client";
import type { Task } from "../api/types";
import { Button, IconButton } from "../controls/button";
import { Icon } from "../controls/icon";
import { announce, attempt } from "../session/notices";
import { activeTasks, isActive, putTask, runningTask, tasks } from "../session/studio";
import { DeviceField } from "./device-field";
import { Progress } from "./progress";
import { wordsOf } from "./words";
import "./queue.css";

export const queueOpen = signal(false);
const toggle = () => (queueOpen.value = !queueOpen.value);

const PAST_SHOWN = 12;

/** The button that shows at a glance whether something runs, and opens the queue. */
export function QueueButton() {
  const count = activeTasks.value.length;
  const running = runningTask.value;
  return (
    <button type="button" class="button plain queue-button" aria-expanded={queueOpen.value} aria-controls="queue" onClick={toggle}>
      <Icon name="queue" />
      <span>{count === 0 ? "Queue" : `${count} in the queue`}</span>
      {running && <Progress task={running} slim />}
    </button>
  );
}

export function Queue() {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!queueOpen.value) return;
    panel.current?.focus();
  }, [queueOpen.value]);
  if (!queueOpen.value) return null;
  const waiting = activeTasks.value;
  const past = tasks.value.filter((task) => !isActive(task)).slice(-PAST_SHOWN).reverse();
  return (
    <section
      id="queue"
      class="queue"
      ref={panel}
      tabIndex={-1}
      aria-label="Queue"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        queueOpen.value = false;
        document.querySelector<HTMLElement>(".queue-button")?.focus();
      }}
    >
      <header>
        <h2>Queue</h2>
        <IconButton icon="close" label="Close the queue" onClick={toggle} />
      </header>
      {waiting.length === 0 && <p class="hint">Nothing is being rendered.</p>}
      <ol>
        {waiting.map((task, index) => (
          <QueuedTask key={task.id} task={task} before={waiting[index - 1]} after={waiting[index + 1]} afterNext={waiting[index + 2]} />
        ))}
      </ol>
      {past.length > 0 && (
        <details>
          <summary>Done before</summary>
          <ul class="past">
            {past.map((task) => (
              <li key={task.id}>
                <Icon name={task.state === "done" ? "check" : "close"} />
                <span>{task.title}</span>
                <small>{task.state === "failed" ? task.error : task.state === "cancelled" ? "cancelled" : ""}</small>
              </li>
            ))}
          </ul>
        </details>
      )}
      <DeviceField />
    </section>
  );
}

interface QueuedTaskProps {
  task: Task;
  before: Task | undefined;
  after: Task | undefined;
  afterNext: Task | undefined;
}

async function act(work: Promise<Task>, said: string): Promise<void> {
  const task = await attempt(work);
  if (!task) return;
  putTask(task);
  announce(said);
}

function QueuedTask({ task, before, after, afterNext }: QueuedTaskProps) {
  const movable = task.state === "waiting";
  return (
    <li class={`queued ${task.state}`}>
      <div class="queued-head">
        <strong>{task.title}</strong>
        <TaskButtons task={task} />
      </div>
      <Progress task={task} />
      <div class="queued-foot">
        <small>{wordsOf(task)}</small>
        {movable && (
          <span>
            <IconButton
              class="small"
              icon="up"
              label={`Sooner: ${task.title}`}
              disabled={before?.state !== "waiting"}
              onClick={() => before && void attempt(api.move(task.id, before.id)).then(() => announce("Moved up."))}
            />
            <IconButton
              class="small"
              icon="down"
              label={`Later: ${task.title}`}
              disabled={!after}
              onClick={() => void attempt(api.move(task.id, afterNext?.id ?? null)).then(() => announce("Moved down."))}
            />
          </span>
        )}
      </div>
    </li>
  );
}

/** Pause or go on, and cancel. */
export function TaskButtons({ task, text }: { task: Task; text?: boolean }) {
  const paused = task.state === "paused";
  const pause = () => void act(paused ? api.resume(task.id) : api.pause(task.id), paused ? "Goes on." : "Paused.");
  const cancel = () => void act(api.cancel(task.id), "Cancelled.");
  if (text) {
    return (
      <>
        <Button icon={paused ? "play" : "pause"} onClick={pause}>
          {paused ? "Go on" : "Pause"}
        </Button>
        <Button icon="close" onClick={cancel}>
          Cancel
        </Button>
      </>
    );
  }
  return (
    <span>
      <IconButton class="small" icon={paused ? "play" : "pause"} label={paused ? `Go on with: ${task.title}` : `Pause: ${task.title}`} onClick={pause} />
      <IconButton class="small" icon="close" label={`Cancel: ${task.title}`} onClick={cancel} />
    </span>
  );
}
