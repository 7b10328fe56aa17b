import { expect, it } from "vitest";
import { guidanceAt } from "./guidance-curve";

it("is that of the program", () => {
  const at = (fraction: number) => guidanceAt([4, 4], 0.5, fraction);
  expect([0, 0.25, 0.5, 0.75, 1].map(at)).toEqual([4, 3.25, 2.5, 3.25, 4]);
  expect(guidanceAt([9, 9], 0, 0.5)).toBe(1);
  expect(guidanceAt([2, 6], 1, 0.5)).toBe(4);
});
