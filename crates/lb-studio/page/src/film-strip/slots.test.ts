import { expect, it } from "vitest";
import { slotsOf } from "./slots";

const frames = [0, 0.1, 0.55, 1].map((fraction) => ({ fraction, picture: `at ${fraction}` }));

it("leaves parts empty for which there is no frame yet", () => {
  expect(slotsOf(frames, 4, false)).toEqual(["at 0.1", undefined, "at 0.55", "at 1"]);
});

it("shows the nearest frame everywhere once all are there", () => {
  expect(slotsOf(frames, 4, true)).toEqual(["at 0.1", "at 0.55", "at 0.55", "at 1"]);
});

it("shows nothing of nothing", () => expect(slotsOf([], 2, true)).toEqual([undefined, undefined]));
