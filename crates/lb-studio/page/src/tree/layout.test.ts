import { describe, expect, it } from "vitest";
import { linesOf, lit } from "./layout";

const tree = {
  steps: 12,
  levels: [
    { start: 0, fractions: [0, 1] },
    { start: 2, fractions: [0, 0.5, 1] },
    { start: 6, fractions: [0, 0.25, 0.5, 0.75, 1] },
  ],
};

describe("a tree", () => {
  it("has a line for each branch of each level", () => {
    const branches = linesOf(tree).filter(({ from, to }) => from !== to);
    expect(branches.map(({ level }) => level)).toEqual([0, 0, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(branches.filter(({ level }) => level === 2).every(({ from, to }) => from === 6 && to === 12)).toBe(true);
  });

  it("joins new branches with both of their parents", () => {
    const ways = linesOf(tree).filter(({ from, to }) => from === to);
    expect(ways.map(({ start, end }) => [start, end])).toEqual([
      [0, 0.5],
      [1, 0.5],
      [0, 0.25],
      [0.5, 0.25],
      [0.5, 0.75],
      [1, 0.75],
    ]);
  });

  it("lights up as far as it is computed", () => {
    const [first] = linesOf(tree);
    const last = linesOf(tree).at(-1)!;
    expect(lit(first!, { level: 0, step: 1 })).toBe(0.5);
    expect(lit(first!, { level: 1, step: 3 })).toBe(1);
    expect(lit(last, { level: 1, step: 3 })).toBe(0);
    expect(lit(last, { level: 2, step: 9 })).toBe(0.5);
    expect(lit(last, { level: 2, step: 99 })).toBe(1);
  });
});
