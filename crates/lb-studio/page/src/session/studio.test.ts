import { beforeEach, describe, expect, it } from "vitest";
import type { KeyframeEvent, Task } from "../api/types";
import { arrived, dropTasksOf, putArrived, putTask, tasks, withLoaded } from "./studio";

const task = (id: string, state: Task["state"], project = "p") => ({ id, state, project }) as Task;
const states = (list: readonly Task[]) => list.map(({ id, state }) => `${id} ${state}`);

beforeEach(() => {
  tasks.value = [];
  arrived.value = new Map();
});

describe("a loaded list of tasks", () => {
  it("replaces what was known, but not what has ended", () => {
    const before = [task("1", "done"), task("2", "waiting"), task("3", "waiting")];
    const loaded = [task("1", "running"), task("2", "running")];
    expect(states(withLoaded(loaded, before, before))).toEqual(["1 done", "2 running"]);
  });

  it("gives way to what events have told meanwhile", () => {
    const before = [task("1", "waiting")];
    const now = [task("1", "running"), task("2", "waiting")];
    expect(states(withLoaded([task("1", "waiting")], before, now))).toEqual(["1 running", "2 waiting"]);
  });
});

describe("a task", () => {
  it("does not go on once it has ended", () => {
    putTask(task("1", "running"));
    putTask(task("1", "done"));
    putTask(task("1", "waiting"));
    expect(states(tasks.peek())).toEqual(["1 done"]);
  });

  it("goes with its project", () => {
    putTask(task("1", "running"));
    putTask(task("2", "waiting", "other"));
    for (const id of ["1", "2"]) putArrived({ task: id, index: 0 } as KeyframeEvent);
    dropTasksOf("p");
    expect(states(tasks.peek())).toEqual(["2 waiting"]);
    expect([...arrived.peek().keys()]).toEqual(["2"]);
  });
});
