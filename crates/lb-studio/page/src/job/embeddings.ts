/** The embeddings of a film, and the names by which its prompts call them. */

import type { Job } from "../api/types";
import { editFilm } from "./edits";
import { addOnName } from "./loras";

export interface Embedding {
  /** The path by which the job names the file. */
  path: string;
  name: string;
}

/** Reads `PATH=NAME`, as the program writes it. */
function readEmbedding(text: string): Embedding {
  const equals = text.lastIndexOf("=");
  return equals < 0 ? { path: text, name: addOnName(text) } : { path: text.slice(0, equals), name: text.slice(equals + 1) };
}

export function filmEmbeddings(job: Job): Embedding[] {
  const list = job.embedding;
  return Array.isArray(list) ? list.map((text) => readEmbedding(String(text))) : [];
}

function withEmbeddings(job: Job, embeddings: Embedding[]): Job {
  const list = embeddings.map(({ path, name }) => `${path}=${name}`);
  return editFilm(job, "", "embedding", list.length ? list : undefined);
}

const isNamed = (name: string) => (embedding: Embedding) => embedding.name.toLowerCase() === name.toLowerCase();

/** Adds an embedding with the name of its file, or with a number behind that if another one has this name. */
export function addEmbedding(job: Job, path: string): Job {
  const embeddings = filmEmbeddings(job);
  if (embeddings.some((embedding) => embedding.path === path)) return job;
  const own = addOnName(path);
  let name = own;
  for (let number = 2; embeddings.some(isNamed(name)); number++) name = `${own}-${number}`;
  return withEmbeddings(job, [...embeddings, { path, name }]);
}

export function removeEmbedding(job: Job, index: number): Job {
  return withEmbeddings(job, filmEmbeddings(job).filter((_, at) => at !== index));
}

export function renameEmbedding(job: Job, index: number, name: string): Job {
  return withEmbeddings(job, filmEmbeddings(job).map((embedding, at) => (at === index ? { ...embedding, name } : embedding)));
}

/** Why an embedding cannot have a name, as a sentence. Some would be read as a part of the path. */
export function problemOfName(job: Job, index: number, name: string): string | undefined {
  if (!name) return "An embedding needs a name.";
  if (/[=/\\]|\.(pt|bin|safetensors|pth|ckpt)$/i.test(name)) return "A name has no =, / or \\, and does not end as a file’s name does.";
  const others = filmEmbeddings(job).filter((_, at) => at !== index);
  return others.some(isNamed(name)) ? "Another embedding has this name." : undefined;
}
