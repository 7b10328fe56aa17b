import { describe, expect, it } from "vitest";
import { evenly } from "./evenly";

const items = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("items that are chosen evenly", () => {
  it("are all of them, if they are few", () => {
    expect(evenly([], 3)).toEqual([]);
    expect(evenly(items(3), 3)).toEqual([0, 1, 2]);
  });

  it("have the first and the last, and equal gaps", () => {
    expect(evenly(items(9), 3)).toEqual([0, 4, 8]);
    const chosen = evenly(items(1000), 100);
    expect(chosen).toHaveLength(100);
    expect([chosen[0], chosen.at(-1)]).toEqual([0, 999]);
    const gaps = chosen.slice(1).map((item, index) => item - chosen[index]!);
    expect(new Set(gaps)).toEqual(new Set([10, 11]));
  });
});
