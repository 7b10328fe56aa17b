import { expect, it } from "vitest";
import { pathOf } from "./motion-graph";

it("is highest at the largest step", () => {
  expect(pathOf([1, 4])).toBe("M0 100L0.0 76.0L500.0 76.0L500.0 4.0L1000.0 4.0L1000 100Z");
});

it("is flat where nothing moves, and nothing of nothing", () => {
  expect(pathOf([0])).toBe("M0 100L0.0 100.0L1000.0 100.0L1000 100Z");
  expect(pathOf([])).toBe("");
});
