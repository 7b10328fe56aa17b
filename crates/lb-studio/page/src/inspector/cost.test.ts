import { describe, expect, it } from "vitest";
import type { Plan, TransitionPlan } from "../api/types";
import { costOfFilm, costOfKeyframe, costOfTransition } from "./cost";

const transition: TransitionPlan = {
  key: "t",
  state: "missing",
  frames: [],
  computed_frames: 24,
  in_betweens: 28,
  evaluations: 100,
  decodes: 52,
  seconds: 4.2,
  tree: { steps: 12, levels: [] },
};
const plan: Plan = {
  keyframes: [],
  transitions: [transition, { ...transition, state: "ready" }],
  film: { frames: 180, seconds: 6, width: 128, height: 128, evaluations: 200, missing_evaluations: 100, decodes: 104, key: "f", render_seconds: 8 },
};

describe("what an act costs", () => {
  it("of a keyframe", () => {
    expect(costOfKeyframe({ key: "k", state: "missing", evaluations: 12, seconds: 0.42 })).toEqual({
      computes: "1 picture",
      takes: "about 0.4 s",
    });
    expect(costOfKeyframe({ key: "k", state: "ready", evaluations: 12 })!.computes).toBe("This picture is there.");
  });

  it("of a transition, with what is there of it", () => {
    expect(costOfTransition(transition)).toEqual({ computes: "22 frames in 12 steps", there: undefined, takes: "about 4 s" });
    const partial = { ...transition, state: "partial" as const, frames: [{ fraction: 0, picture: "p" }] };
    expect(costOfTransition(partial)!.there).toBe("1 of 22 there");
    expect(costOfTransition({ ...transition, state: "ready" })!.computes).toBe("All 22 frames are there.");
  });

  it("of a film", () => {
    expect(costOfFilm(plan)).toEqual({ computes: "6 s film, 180 frames", there: "1 of 2 transitions there", takes: "about 8 s" });
    expect(costOfFilm({ ...plan, film: { ...plan.film!, missing_evaluations: 0 } })!.there).toBe("everything is computed");
    expect(costOfFilm(plan, true)).toEqual({ computes: "6 s film, 180 frames" });
    expect(costOfFilm({ ...plan, film: null })).toBeUndefined();
  });

  it("is not guessed before the first render", () => {
    expect(costOfTransition({ ...transition, seconds: null })!.takes).toContain("first render");
  });
});
