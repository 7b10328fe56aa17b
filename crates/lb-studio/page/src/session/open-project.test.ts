import { beforeEach, describe, expect, it, vi } from "vitest";
import { api, Failure } from "../api/client";
import type { Job, Plan, Project } from "../api/types";
import { draftOf, rememberDraft } from "./drafts";
import { notices } from "./notices";
import { closeProject, edit, flush, job, openProject, project, reloadProject, saving, undo } from "./open-project";

const film = (prompt: string): Job => ({ keyframe: [{ prompt }] });
const prompt = () => job.peek().keyframe?.[0]?.prompt;

/** The program: what it has of its projects, and what was asked of it. */
const kept = new Map<string, Project>();
const saves: { id: string; revision: number; prompt?: string }[] = [];

/** Another window's edit. */
function editElsewhere(id: string, to: Job): void {
  const before = kept.get(id)!;
  kept.set(id, { ...before, revision: before.revision + 1, job: to });
}

function storage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  } as Storage;
}

beforeEach(() => {
  vi.useFakeTimers();
  closeProject();
  vi.restoreAllMocks();
  for (const name of ["localStorage", "sessionStorage"]) vi.stubGlobal(name, storage());
  notices.value = [];
  saves.length = 0;
  for (const id of ["a", "b"]) kept.set(id, { id, name: id, revision: 1, films: [], favourites: [], job: film("an owl") } as unknown as Project);
  vi.spyOn(api, "project").mockImplementation(async (id) => structuredClone(kept.get(id)!));
  vi.spyOn(api, "plan").mockImplementation(async () => ({ keyframes: [], transitions: [] }) as unknown as Plan);
  vi.spyOn(api, "saveJob").mockImplementation(async (id, document, revision) => {
    saves.push({ id, revision, prompt: document.keyframe?.[0]?.prompt });
    if (kept.get(id)!.revision !== revision) throw new Failure(409, "it has changed");
    editElsewhere(id, document);
    return structuredClone(kept.get(id)!);
  });
});

describe("an edit that is not saved yet", () => {
  it("goes on top of another window's, which can be had back", async () => {
    await openProject("a");
    edit("prompt", () => film("a lemon"));
    editElsewhere("a", film("a fox"));
    await reloadProject();
    expect(project.peek()!.revision).toBe(1);
    expect(await flush()).toBe(true);
    expect(saves.map(({ revision }) => revision)).toEqual([1, 2]);
    expect(kept.get("a")!.job).toEqual(film("a lemon"));
    expect(notices.peek()).toHaveLength(1);
    undo();
    expect(prompt()).toBe("a fox");
  });

  it("is restored after a reload, and then saved and forgotten", async () => {
    rememberDraft("a", { revision: 1, job: film("a lemon") });
    await openProject("a");
    expect(prompt()).toBe("a lemon");
    expect(await flush()).toBe(true);
    expect(notices.peek()).toHaveLength(0);
    expect(draftOf("a")).toBeUndefined();
  });

  it("does not silently replace newer work", async () => {
    rememberDraft("a", { revision: 1, job: film("a lemon") });
    editElsewhere("a", film("a fox"));
    await openProject("a");
    expect(notices.peek()).toHaveLength(1);
    expect(prompt()).toBe("a lemon");
    undo();
    expect(prompt()).toBe("a fox");
  });

  it("is not asked about if it says the same in another order", async () => {
    kept.get("a")!.job = { loop: true, ...film("an owl") };
    rememberDraft("a", { revision: 0, job: { ...film("an owl"), loop: true } });
    await openProject("a");
    expect(saving.peek()).toBe("saved");
    expect(draftOf("a")).toBeUndefined();
  });
});

describe("a project that is closed while it is saved", () => {
  it("forgets its draft, and leaves the next one alone", async () => {
    await openProject("a");
    edit("prompt", () => film("a lemon"));
    const saved = flush();
    await openProject("b");
    await saved;
    expect(kept.get("a")!.job).toEqual(film("a lemon"));
    expect(draftOf("a")).toBeUndefined();
    expect(saves).toHaveLength(1);
    expect(project.peek()).toMatchObject({ id: "b", revision: 1 });
    expect(prompt()).toBe("an owl");
  });

  it("keeps edits that followed what was saved, on top of it", async () => {
    await openProject("a");
    edit("prompt", () => film("a lemon"));
    const saved = flush();
    edit("again", () => film("two lemons"));
    closeProject();
    await saved;
    expect(draftOf("a")).toEqual({ revision: 2, job: film("two lemons") });
  });

  it("does not come back when another window has edited it", async () => {
    await openProject("a");
    edit("prompt", () => film("a lemon"));
    editElsewhere("a", film("a fox"));
    const saved = flush();
    closeProject();
    await saved;
    expect(project.peek()).toBeNull();
    expect(draftOf("a")).toEqual({ revision: 1, job: film("a lemon") });
  });
});

it("an answer that was overtaken is not taken", async () => {
  await openProject("a");
  const old = structuredClone(kept.get("a")!);
  edit("prompt", () => film("a lemon"));
  await flush();
  vi.mocked(api.project).mockResolvedValueOnce(old);
  await reloadProject();
  expect(prompt()).toBe("a lemon");
  expect(project.peek()!.revision).toBe(2);
});

it("a browser without storage loses nothing else", async () => {
  const refuse = () => {
    throw new Error("forbidden");
  };
  vi.stubGlobal("localStorage", { getItem: refuse, setItem: refuse, removeItem: refuse });
  await openProject("a");
  edit("prompt", () => film("a lemon"));
  expect(await flush()).toBe(true);
});
