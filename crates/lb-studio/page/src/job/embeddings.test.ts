import { describe, expect, it } from "vitest";
import type { Job } from "../api/types";
import { addEmbedding, filmEmbeddings, problemOfName, removeEmbedding, renameEmbedding } from "./embeddings";

const path = (name: string) => `embeddings/${"ab".repeat(32)}-${name}.safetensors`;
const film: Job = { keyframe: [{ prompt: "a" }, { prompt: "b" }] };
const names = (job: Job) => filmEmbeddings(job).map(({ name }) => name);

describe("an embedding", () => {
  it("has the name of its file until it is given another", () => {
    const added = addEmbedding(film, path("toy"));
    expect(added.embedding).toEqual([`${path("toy")}=toy`]);
    const renamed = renameEmbedding(added, 0, "<my toy>");
    expect(filmEmbeddings(renamed)).toEqual([{ path: path("toy"), name: "<my toy>" }]);
    expect(removeEmbedding(renamed, 0)).toEqual(film);
  });

  it("shares its name with no other", () => {
    const twice = addEmbedding(addEmbedding(addEmbedding(film, path("toy")), path("Toy")), path("owl"));
    expect(names(twice)).toEqual(["toy", "Toy-2", "owl"]);
    expect(problemOfName(twice, 2, "TOY")).toMatch(/Another/);
    expect(problemOfName(twice, 0, "TOY")).toBeUndefined();
  });

  it("has no name that would be read as a path", () => {
    const added = addEmbedding(film, path("toy"));
    for (const name of ["", "a=b", "a/b", "a\\b", "toy.pt", "toy.SAFETENSORS"]) expect(problemOfName(added, 0, name)).toBeDefined();
    for (const name of ["<toy>", "my style-1.5", "玩具"]) expect(problemOfName(added, 0, name)).toBeUndefined();
  });
});
