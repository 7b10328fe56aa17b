import { describe, expect, it } from "vitest";
import { emptyHistory, MERGED_WITHIN, recorded, redone, STEPS_KEPT, undone } from "./history";

describe("history", () => {
  it("goes back and forth", () => {
    let history = recorded(emptyHistory<string>(), "a", "insert", 0);
    history = recorded(history, "b", "remove", 10);
    const back = undone(history, "c")!;
    expect(back.document).toBe("b");
    const further = undone(back.history, back.document)!;
    expect(further.document).toBe("a");
    expect(undone(further.history, "a")).toBeUndefined();
    expect(redone(further.history, "a")!.document).toBe("b");
  });

  it("undoes typing in one step", () => {
    let history = recorded(emptyHistory<string>(), "", "prompt", 0);
    history = recorded(history, "a", "prompt", 100);
    history = recorded(history, "ab", "prompt", 100 + MERGED_WITHIN + 1);
    expect(history.past).toEqual(["", "ab"]);
  });

  it("does not merge an edit into one that was undone", () => {
    const history = recorded(emptyHistory<string>(), "a", "prompt", 0);
    const { history: after } = undone(history, "ab")!;
    expect(recorded(after, "a", "prompt", 50).past).toEqual(["a"]);
  });

  it("forgets what was undone when something else is edited", () => {
    const { history } = undone(recorded(emptyHistory<string>(), "a", "insert", 0), "b")!;
    expect(redone(recorded(history, "a", "insert", 5000), "c")).toBeUndefined();
  });

  it("keeps a bounded number of steps", () => {
    let history = emptyHistory<number>();
    for (let step = 0; step < STEPS_KEPT + 50; step++) history = recorded(history, step, `${step}`, step);
    expect(history.past).toHaveLength(STEPS_KEPT);
    expect(history.past.at(-1)).toBe(STEPS_KEPT + 49);
  });
});
