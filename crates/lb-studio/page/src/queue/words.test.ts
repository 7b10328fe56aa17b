import { expect, it } from "vitest";
import type { Task } from "../api/types";
import { shareOf, wordsOf } from "./words";

const task: Task = {
  id: "t",
  project: "p",
  act: { kind: "film", format: "mp4" },
  title: "Film",
  state: "running",
  progress: { phase: "transition", evaluations: 30, of_evaluations: 90, reused_evaluations: 10, decodes: 0, of_decodes: 20, rate: 31.4, seconds_left: 8.2 },
  created: 0,
};

it("says phase, share, rate and the time left", () => {
  expect(wordsOf(task)).toBe("Computing frames · 40 % · 31 evaluations a second · about 8 s left");
  expect(wordsOf({ ...task, state: "waiting" })).toBe("Waiting");
  expect(wordsOf({ ...task, state: "paused" })).toBe("Paused · 40 %");
});

it("counts what was reused", () => {
  expect(shareOf(task)).toBe(0.4);
  expect(shareOf({ ...task, state: "done" })).toBe(1);
  expect(shareOf({ ...task, progress: { ...task.progress, of_evaluations: 0, of_decodes: 0 } })).toBe(0);
});
