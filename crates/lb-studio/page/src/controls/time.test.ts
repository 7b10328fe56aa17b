import { describe, expect, it } from "vitest";
import { ago, bytes, clock, counted, duration, length } from "./time";

describe("times", () => {
  it.each([
    [0, "0.1 s"],
    [0.42, "0.4 s"],
    [0.96, "1 s"],
    [12.4, "12 s"],
    [59.6, "1 min"],
    [200, "3 min"],
    [3600, "1 h"],
    [7500, "2 h 5 min"],
  ])("%d seconds take %s", (seconds, words) => expect(duration(seconds)).toBe(words));

  it.each([
    [6, "6 s"],
    [7.5, "7.5 s"],
    [65.2, "1:05"],
  ])("a film of %d seconds is %s long", (seconds, words) => expect(length(seconds)).toBe(words));

  it("shows a clock", () => expect([clock(7.9), clock(750)]).toEqual(["0:07", "12:30"]));
  it("shows sizes", () => expect([bytes(12), bytes(80_400), bytes(1_140_000)]).toEqual(["12 B", "80 kB", "1.1 MB"]));
  it("counts", () => expect([counted(1, "frame"), counted(1200, "frame")]).toEqual(["1 frame", "1,200 frames"]));

  it("says how long ago", () => {
    const now = new Date("2026-05-02T12:00:00Z");
    expect(ago(new Date("2026-05-02T11:59:30Z"), now)).toBe("just now");
    expect(ago(new Date("2026-05-02T11:55:00Z"), now)).toBe("5 minutes ago");
    expect(ago(new Date("2026-05-01T11:00:00Z"), now)).toBe("yesterday");
  });
});
