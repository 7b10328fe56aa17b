/** Keeps what the page knows up to date, by the server's events. */

import { effect, signal } from "@preact/signals";
import type { FrameEvent, KeyframeEvent, StepEvent, Task } from "../api/types";
import { listen, type EventType } from "../api/events";
import { forgetDraft } from "./drafts";
import { announce, attempt, notify } from "./notices";
import { loadPlan, openProject, planned, closeProject, project, putFrame, putKeyframe, reached, reloadProject, flush, selection } from "./open-project";
import { connection, dropTasksOf, isActive, loadProjects, loadStudio, loadTasks, orderTasks, projects, putArrived, putTask, tasks } from "./studio";

export function goLive(): void {
  void attempt(loadStudio());
  listen({
    opened: () => {
      connection.value = "open";
      // From here on, events tell what changes after the list was made.
      void attempt(loadTasks());
    },
    lost: () => (connection.value = "lost"),
    reset: () => void attempt(loadAgain()),
    event: take,
  });
  effect(() => {
    const id = route.value;
    if (id) void openProject(id);
    else {
      closeProject();
      void attempt(loadProjects());
    }
  });
  addEventListener("hashchange", () => (route.value = projectInAddress()));
  addEventListener("pagehide", () => void flush());
}


/** The project that the page's address names. */
export const route = signal(projectInAddress());

function projectInAddress(): string | null {
  return /^#\/project\/([0-9a-f]+)$/.exec(location.hash)?.[1] ?? null;
}

async function loadAgain(): Promise<void> {
  await Promise.all([loadStudio(), loadTasks(), projects.peek() && loadProjects(), reloadProject()]);
}

function take(type: EventType, data: unknown): void {
  const open = project.peek()?.id;
  switch (type) {
    case "task":
      takeTask(data as Task);
      break;
    case "queue":
      orderTasks((data as { order: string[] }).order);
      break;
    case "project": {
      const { id, revision } = data as { id: string; revision: number };
      if (id === open && revision > project.peek()!.revision) void attempt(reloadLater());
      if (!route.peek()) void attempt(loadProjects());
      break;
    }
    case "keyframe":
      if ((data as KeyframeEvent).project === open) takeKeyframe(data as KeyframeEvent);
      break;
    case "frame":
      if ((data as FrameEvent).project === open) putFrame(data as FrameEvent);
      break;
    case "step":
      takeStep(data as StepEvent);
      break;
    case "removed": {
      const { project: removed } = data as { project: string };
      dropTasksOf(removed);
      forgetDraft(removed);
      if (removed === open) location.hash = "#/";
      else if (!route.peek()) void attempt(loadProjects());
      break;
    }
  }
}

/** The page's own edit may be the one that is told: its answer is taken first. */
async function reloadLater(): Promise<void> {
  await flush();
  await reloadProject();
}

function takeStep({ project: of, transition, level, step }: StepEvent): void {
  if (transition === null || transition === undefined || of !== project.peek()?.id) return;
  const key = planned.peek()?.plan.transitions[transition]?.key;
  if (key) reached.value = new Map(reached.peek()).set(key, { level, step });
}

function takeKeyframe(event: KeyframeEvent): void {
  const kind = tasks.peek().find(({ id }) => id === event.task)?.act.kind;
  if (kind === "seeds" || kind === "variations") putArrived(event);
  putKeyframe(event);
}

function takeTask(task: Task): void {
  const before = tasks.peek().find(({ id }) => id === task.id);
  putTask(task);
  if (isActive(task) || before?.state === task.state) return;
  reached.value = new Map();
  const film = task.state === "done" && task.act.kind === "film";
  if (film && (task.project !== project.peek()?.id || selection.peek().kind !== "film")) notify("Your film is ready.");
  else if (task.state === "done") announce(`${task.title}: done.`);
  for (const warning of task.result?.warnings ?? []) notify(warning);
  if (task.state === "failed") announce(`${task.title}: ${task.error ?? "failed"}`);
  if (task.project === project.peek()?.id) {
    void attempt(task.act.kind === "film" ? reloadProject() : loadPlan());
  }
}
