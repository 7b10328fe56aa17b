import { describe, expect, it } from "vitest";
import type { Job } from "../api/types";
import {
  duplicateKeyframe,
  editFilm,
  editKeyframe,
  insertKeyframe,
  keyframesOf,
  moveKeyframe,
  nameOf,
  removeKeyframe,
  transitionCount,
  withSeeds,
} from "./edits";

const film = (...keyframe: Job["keyframe"] & object): Job => ({ keyframe });
const three = film(
  { prompt: "a", seed: 1, seconds: 2 },
  { prompt: "b", seed: 2, seconds: 5 },
  { prompt: "c", seed: 3 },
);
/** `a-2-b` is a transition of two seconds from a to b; one of the default length has no number. */
const shape = (job: Job) =>
  keyframesOf(job)
    .map(({ prompt, seconds }, index, all) => (index === all.length - 1 && !job.loop ? prompt : `${prompt}-${seconds ?? ""}-`))
    .join("");

describe("a keyframe", () => {
  it("is edited alone, and keeps its name", () => {
    const edited = editKeyframe(three, 1, { prompt: "B" });
    expect(keyframesOf(edited)[0]).toBe(keyframesOf(three)[0]);
    expect(nameOf(keyframesOf(edited)[1]!)).toBe(nameOf(keyframesOf(three)[1]!));
    expect(keyframesOf(three)[1]!.prompt).toBe("b");
  });

  it("loses settings that are given back", () => {
    expect(keyframesOf(editKeyframe(three, 0, { seconds: undefined }))[0]).toEqual({ prompt: "a", seed: 1 });
  });

  it("takes the pace of its transition along, as all of its timing", () => {
    const synchronized = film({ prompt: "a", seconds: 2, pace: [0.3, 1] }, { prompt: "b", seconds: 5 }, { prompt: "c" });
    const [first, second, last] = keyframesOf(moveKeyframe(synchronized, 2, 0));
    expect([first!.prompt, first!.pace, second!.pace, last!.pace]).toEqual(["c", undefined, [0.3, 1], undefined]);
  });

  it("splits a transition into two with its settings", () => {
    expect(shape(insertKeyframe(three, 1, { prompt: "x", seed: 9 }))).toBe("a-2-x-2-b-5-c");
  });

  it("takes no settings over at the ends", () => {
    expect(shape(insertKeyframe(three, 0, { prompt: "x" }))).toBe("x--a-2-b-5-c");
    expect(shape(insertKeyframe(three, 3, { prompt: "x" }))).toBe("a-2-b-5-c--x");
  });

  it("is duplicated with its transition", () => {
    const doubled = duplicateKeyframe(three, 1);
    expect(shape(doubled)).toBe("a-2-b-5-b-5-c");
    expect(nameOf(keyframesOf(doubled)[1]!)).not.toBe(nameOf(keyframesOf(doubled)[2]!));
  });

  it("leaves the transition that led to it", () => {
    expect(shape(removeKeyframe(three, 1))).toBe("a-2-c");
    expect(shape(removeKeyframe(three, 0))).toBe("b-5-c");
    expect(shape(removeKeyframe(three, 2))).toBe("a-2-b");
  });
});

describe("moving", () => {
  it("keeps the transitions of neighbours that stay neighbours", () => {
    const four = film({ prompt: "a", seconds: 1 }, { prompt: "b", seconds: 2 }, { prompt: "c", seconds: 4 }, { prompt: "d" });
    expect(shape(moveKeyframe(four, 0, 1))).toBe("b-2-a-1-c-4-d");
    expect(shape(moveKeyframe(four, 0, 3))).toBe("b-2-c-4-d-1-a");
    expect(shape(moveKeyframe(four, 3, 0))).toBe("d-4-a-1-b-2-c");
    expect(shape(moveKeyframe(four, 2, 1))).toBe("a-1-c-4-b-2-d");
  });

  it("moves whole tables in a loop, where each has a transition", () => {
    const loop = { ...film({ prompt: "a", seconds: 1 }, { prompt: "b", seconds: 2 }, { prompt: "c", seconds: 4 }), loop: true };
    expect(shape(moveKeyframe(loop, 2, 0))).toBe("c-4-a-1-b-2-");
  });

  it("there and back changes nothing", () => {
    for (const [from, to] of [[0, 2], [2, 0], [1, 2], [0, 1]] as const) {
      expect(moveKeyframe(moveKeyframe(three, from, to), to, from)).toEqual(three);
    }
  });

  it("beyond the ends is no edit", () => {
    expect(moveKeyframe(three, 0, -1)).toBe(three);
    expect(moveKeyframe(three, 2, 3)).toBe(three);
  });

  it("changes no picture", () => {
    const gaps = film({ prompt: "a" }, { image: "pictures/x.png" }, { prompt: "b" }, { prompt: "c", seed: 7 }, { prompt: "d" });
    expect(keyframesOf(withSeeds(gaps)).map(({ seed }) => seed)).toEqual([0, undefined, 1, 7, 8]);
    const moved = keyframesOf(moveKeyframe(gaps, 4, 0));
    expect(moved.map(({ prompt, seed }) => [prompt, seed])).toEqual([
      ["d", 8],
      ["a", 0],
      [undefined, undefined],
      ["b", 1],
      ["c", 7],
    ]);
  });

  it("counts on from the largest exact number", () => {
    const large = 18446744073709551614n;
    expect(keyframesOf(withSeeds(film({ prompt: "a", seed: large }, { prompt: "b" })))[1]!.seed).toBe(large + 1n);
  });
});

describe("the film", () => {
  it("has as many transitions as gaps, and one more in a loop", () => {
    expect(transitionCount({})).toBe(0);
    expect(transitionCount(film({ prompt: "a" }))).toBe(0);
    expect(transitionCount(three)).toBe(2);
    expect(transitionCount({ ...three, loop: true })).toBe(3);
  });

  it("has tables that vanish with their last setting", () => {
    const edited = editFilm(three, "defaults", "seconds", 4);
    expect(edited.defaults).toEqual({ seconds: 4 });
    expect(editFilm(edited, "defaults", "seconds", undefined)).toEqual(three);
    expect(editFilm(three, "", "loop", true).loop).toBe(true);
  });
});
