import { describe, expect, it } from "vitest";
import type { Job } from "../api/types";
import { addLora, addOnName, filmLoras, keyframeLoras, removeLora, setFilmStrength, setStrength } from "./loras";

const film: Job = { keyframe: [{ prompt: "a" }, { prompt: "b" }, { prompt: "c" }] };
const strengths = (job: Job, path: string) =>
  job.keyframe!.map((keyframe) => keyframeLoras(job, keyframe).find((lora) => lora.path === path)?.strength);
const lists = (job: Job) => job.keyframe!.map(({ lora }) => lora);

describe("a LoRA", () => {
  it("is the film's until a keyframe has a strength of its own", () => {
    const added = addLora(film, "loras/n.pt");
    expect(added.defaults).toEqual({ lora: ["loras/n.pt:1"] });
    expect(strengths(added, "loras/n.pt")).toEqual([1, 1, 1]);
    const set = setStrength(added, 1, "loras/n.pt", 0.5);
    expect(lists(set)).toEqual([undefined, ["loras/n.pt:0.5"], undefined]);
    expect(set.keyframe![0]).toBe(added.keyframe![0]);
    expect(setStrength(set, 1, "loras/n.pt", undefined)).toEqual(added);
    expect(setStrength(set, 1, "loras/n.pt", 1)).toEqual(added);
  });

  it("follows the film where a keyframe has none of its own", () => {
    let job = addLora(addLora(film, "n.pt"), "m.pt", 0);
    job = setStrength(job, 1, "n.pt", 0.5);
    job = setFilmStrength(job, "m.pt", 0.25);
    expect(strengths(job, "m.pt")).toEqual([0.25, 0.25, 0.25]);
    expect(strengths(job, "n.pt")).toEqual([1, 0.5, 1]);
    job = setFilmStrength(job, "n.pt", 0.5);
    expect(lists(job)).toEqual([undefined, undefined, undefined]);
  });

  it("is added and removed everywhere", () => {
    let job = setStrength(addLora(film, "n.pt"), 1, "n.pt", 0.5);
    job = addLora(job, "m.pt");
    expect(lists(job)[1]).toEqual(["n.pt:0.5", "m.pt:1"]);
    expect(addLora(job, "m.pt")).toBe(job);
    expect(removeLora(removeLora(job, "n.pt"), "m.pt")).toEqual(film);
  });

  it("that only keyframes of a job file name is one of the film", () => {
    const job: Job = { keyframe: [{ prompt: "a", lora: ["n.pt:0.8"] }, { prompt: "b" }, { prompt: "c", lora: [] }] };
    expect(filmLoras(job)).toEqual([{ path: "n.pt", strength: 0 }]);
    expect(strengths(job, "n.pt")).toEqual([0.8, 0, 0]);
    const set = setStrength(job, 1, "n.pt", 0.3);
    expect(strengths(set, "n.pt")).toEqual([0.8, 0.3, 0]);
  });

  it("is called as its file was", () => {
    expect(addOnName(`loras/${"ab".repeat(32)}-neon-v2.safetensors`)).toBe("neon-v2");
  });
});
