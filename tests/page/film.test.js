/** From an empty page to a film, and what happens while it is made. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { ask, launch, open, openJob, projectOf, quickJob, rendered, screenshot, settled } from "./browser.js";
import { Studio } from "./studio.js";

const PROGRAM = process.env.LB_BINARY ?? "lb";
const hash = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("a film", () => {
  let browser, studio;
  before(async () => {
    [browser, studio] = await Promise.all([launch(), Studio.start()]);
  });
  after(async () => {
    await browser?.close();
    await studio?.stop();
  });

  async function download(page) {
    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download MP4" }).click();
    const file = await downloading;
    const path = join(mkdtempSync(join(tmpdir(), "lb-download-")), file.suggestedFilename());
    await file.saveAs(path);
    return path;
  }

  it("is made of three prompts, downloaded and decoded", async () => {
    const page = await open(browser, studio);
    await screenshot(page, "first-screen");
    await page.getByLabel("It begins as…").fill("a sunflower");
    await page.getByLabel("…becomes…", { exact: true }).fill("a red rose");
    await page.getByRole("button", { name: "Another picture" }).click();
    await page.getByLabel("…and becomes…").fill("a tulip");
    await page.getByRole("button", { name: "Make the film" }).click();
    await page.locator(".transition-card img").nth(3).waitFor({ timeout: 60_000 });
    await screenshot(page, "film-being-made");
    await page.getByRole("link", { name: "Download MP4" }).waitFor({ timeout: 120_000 });

    const film = await download(page);
    const measured = JSON.parse(execFileSync(PROGRAM, ["measure", film, "--json"], { encoding: "utf8" }));
    assert.equal(measured.frames, 180, JSON.stringify(measured).slice(0, 300));
    const shown = await page.locator("video").evaluate((video) => [video.videoWidth, video.videoHeight, video.duration]);
    assert.deepEqual(shown.slice(0, 2), [128, 128]);
    assert.ok(Math.abs(shown[2] - 6) < 0.1, `${shown[2]} seconds`);
    await page.locator(".motion-graph path").waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("slider", { name: "Time", exact: true }).fill("2.2");
    await page.waitForTimeout(300);
    await screenshot(page, "film");
    assert.deepEqual(page.problems, []);
  });

  it("steps through its frames", async () => {
    const page = await open(browser, studio);
    await page.locator(".project-card a").first().click();
    await page.locator("video").waitFor();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("slider", { name: "Time", exact: true }).fill("1");
    const frame = () => page.locator(".transport output").innerText();
    const [before] = (await frame()).split("/");
    await page.getByRole("button", { name: /One frame on/ }).click();
    await page.waitForTimeout(200);
    const [after, count] = (await frame()).split("/");
    assert.equal(Number(after), Number(before) + 1);
    assert.equal(count, "180");
  });

  it("shows frames before a transition is finished", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["an owl", "a panda"], { defaults: { quality: "ultra", seconds: 5 } }));
    await page.locator(".transition-card").click();
    await page.getByRole("complementary").getByRole("button", { name: "Render this transition" }).click();
    await page.locator(".tree-branch.lit").first().waitFor({ state: "attached", timeout: 60_000 });
    await page.locator(".transition-card img").first().waitFor({ timeout: 60_000 });
    const id = projectOf(page);
    const { transitions } = await ask(page, `projects/${id}/plan`);
    const running = (await ask(page, "tasks")).find(({ project }) => project === id);
    assert.equal(running.state, "running", "the first frame came only with the last");
    assert.ok(transitions[0].frames.length < transitions[0].computed_frames - 2);
    await page.locator(".transition-card img").nth(4).waitFor({ timeout: 60_000 });
    await screenshot(page, "transition-being-rendered");
    assert.equal((await rendered(page)).state, "done");
    await page.locator(".transition-card.ready").waitFor();
  });

  it("is computed again only where a prompt was changed", async () => {
    const page = await open(browser, studio);
    const prompts = ["a sunflower", "a red rose", "a tulip", "a lemon"];
    const id = await openJob(page, quickJob(prompts, { loop: true }));
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    const first = await rendered(page);
    assert.equal(first.state, "done");
    await page.locator(".transition-card.ready").nth(3).waitFor();
    const whole = (await ask(page, `projects/${id}/plan`)).film.evaluations;

    await page.locator(".keyframe-card").nth(1).click();
    await page.getByLabel("What the picture shows").fill("a blue butterfly");
    await settled(page);
    await page.locator(".transition-card.changed").nth(1).waitFor();
    await screenshot(page, "prompt-changed");
    const plan = await ask(page, `projects/${id}/plan`);
    assert.deepEqual(plan.transitions.map(({ state }) => state), ["missing", "missing", "ready", "ready"]);
    assert.deepEqual(plan.keyframes.map(({ state }) => state), ["ready", "missing", "ready", "ready"]);
    await page.locator(".film-bar").getByRole("button", { name: "Make it again" }).click();
    const { progress, state } = await rendered(page, [first.id]);
    assert.equal(state, "done");
    assert.equal(progress.evaluations, plan.film.missing_evaluations);
    assert.equal(progress.evaluations + progress.reused_evaluations, whole);
    assert.ok(progress.evaluations < whole * 0.6, `${progress.evaluations} of ${whole}`);

    // Both versions can be compared.
    await page.getByLabel("Compare with").selectOption({ label: "Version 1" });
    await page.locator(".screens.wipe video.other").waitFor();
    await page.getByRole("slider", { name: "Where one version gives way to the other" }).fill("35");
    await page.getByRole("button", { name: "Side by side" }).click();
    const [left, right] = await page.locator(".screens.beside video").all();
    const [one, other] = [await left.boundingBox(), await right.boundingBox()];
    assert.ok(one.x + one.width <= other.x, "the versions overlap");
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("slider", { name: "Time", exact: true }).fill("0.9");
    await page.waitForTimeout(300);
    await screenshot(page, "two-versions");
  });

  it("is written in every format", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a red apple", "a green pear"], { fps: 10 }));
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    assert.equal((await rendered(page)).state, "done");
    for (const name of ["GIF", "WebP", "PNG pictures", "Contact sheet"]) {
      await page.getByRole("button", { name: "Other formats" }).click();
      await page.getByRole("menuitem", { name: new RegExp(`^${name}.*make it`) }).click();
      await page.waitForTimeout(100);
      const task = await rendered(page);
      assert.equal(task.state, "done", `${name}: ${task.error}`);
      assert.equal(task.progress.evaluations, 0, "something was computed again");
    }
    const { films } = await ask(page, `projects/${id}`);
    assert.deepEqual(films.map(({ format }) => format).sort(), ["gif", "mp4", "png", "sheet", "webp"]);
    await page.getByRole("button", { name: "Other formats" }).click();
    assert.equal(await page.locator('a[role="menuitem"]').count(), 5);
    await page.goto(`${studio.origin}/#/`);
    await page.locator(".project-card img").first().waitFor();
    await page.locator(".projects").scrollIntoViewIfNeeded();
    await page.mouse.wheel(0, 1000);
    await page.waitForTimeout(500);
    await screenshot(page, "films");
  });

  it("goes on after it was paused, and after it was cancelled", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a mushroom", "a lemon"], { defaults: { quality: "ultra", seconds: 6 } }));
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    await page.locator(".transition-card img").first().waitFor({ timeout: 60_000 });
    const bar = page.locator(".film-bar");
    await bar.getByRole("button", { name: "Pause" }).click();
    await bar.getByRole("button", { name: "Go on" }).waitFor();
    await page.getByRole("button", { name: /in the queue/ }).click();
    await page.waitForFunction(() => !document.querySelector("#device").disabled);
    await screenshot(page, "queue");
    await page.keyboard.press("Escape");
    await bar.getByRole("button", { name: "Go on" }).click();
    await bar.getByRole("button", { name: "Pause" }).waitFor();
    await bar.getByRole("button", { name: "Cancel" }).click();
    await bar.getByRole("button", { name: "Make the film" }).waitFor();
    const [cancelled] = (await ask(page, "tasks")).filter(({ project }) => project === id);
    assert.equal(cancelled.state, "cancelled");
    await bar.getByRole("button", { name: "Make the film" }).click();
    const again = await rendered(page, [cancelled.id]);
    assert.equal(again.state, "done");
    assert.ok(again.progress.reused_evaluations > 0, "nothing was kept");
  });

  it("is made sooner or later, as the queue is ordered", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a mushroom", "a boat"], { defaults: { quality: "ultra", seconds: 2 } }));
    const start = (act) => ask(page, "tasks", { method: "POST", json: { project: id, act } });
    await start({ kind: "film", format: "mp4" });
    const second = await start({ kind: "film", format: "gif" });
    const third = await start({ kind: "keyframe", index: 0 });
    await page.getByRole("button", { name: /in the queue/ }).click();
    const order = () => page.locator(".queue ol .queued strong").allInnerTexts();
    await page.locator(".queue ol .queued").nth(2).waitFor();
    assert.deepEqual((await order()).slice(1), [second.title, third.title]);
    await page.getByRole("button", { name: `Sooner: ${third.title}` }).click();
    await page.waitForFunction((title) => document.querySelectorAll(".queue ol .queued strong")[1]?.textContent === title, third.title);
    const open_ = (await ask(page, "tasks")).filter(({ state }) => state === "waiting").map((task) => task.id);
    assert.deepEqual(open_, [third.id, second.id]);
    await screenshot(page, "queue-order");
    await page.getByRole("button", { name: `Later: ${third.title}` }).click();
    await page.waitForFunction((title) => document.querySelectorAll(".queue ol .queued strong")[2]?.textContent === title, third.title);
    // The first that waits cannot come before the one that runs.
    assert.ok(await page.getByRole("button", { name: `Sooner: ${second.title}` }).isDisabled());
    for (const task of (await ask(page, "tasks")).filter(({ state }) => state === "waiting" || state === "running")) {
      await ask(page, `tasks/${task.id}/cancel`, { method: "POST", json: {} });
    }
    await rendered(page);
  });

  it("is deleted after a question, as one version and as a whole", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a lemon", "a pear"]), "To be deleted");
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    assert.equal((await rendered(page)).state, "done");
    const ask_ = async () => {
      await page.getByRole("button", { name: "Other formats" }).click();
      await page.getByRole("menuitem", { name: "Delete this version…" }).click();
      await page.getByRole("dialog").waitFor();
    };
    await ask_();
    await page.getByRole("button", { name: "Keep it" }).click();
    assert.equal((await ask(page, `projects/${id}/films`)).length, 1);
    await ask_();
    await screenshot(page, "delete-version");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.locator(".transition-card.ready").waitFor();
    await page.getByRole("link", { name: "Download MP4" }).waitFor({ state: "detached" });
    assert.deepEqual(await ask(page, `projects/${id}/films`), []);

    await page.getByRole("button", { name: "More about this film" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await page.getByRole("dialog", { name: "Delete this film?" }).getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByRole("heading", { name: "One picture becomes another." }).waitFor();
    assert.ok(!(await ask(page, "projects")).some((project) => project.id === id));
    assert.equal(await page.locator(".project-card", { hasText: "To be deleted" }).count(), 0);
    assert.deepEqual(page.problems, []);
  });

  it("survives a reload while it is made", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["a boat", "a house", "a mushroom"], { defaults: { quality: "ultra", seconds: 3 } }));
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    await page.locator(".transition-card img").first().waitFor({ timeout: 60_000 });
    // An edit that is not saved yet when the page goes.
    await page.locator(".project-name").waitFor();
    await page.locator(".keyframe-card").first().click();
    await page.getByLabel("Rest on the picture", { exact: true }).fill("2");
    await page.getByLabel("Rest on the picture", { exact: true }).press("Tab");
    await page.reload();
    await page.locator(".film-bar .progress").waitFor();
    await page.locator(".transition-card img").first().waitFor();
    await page.locator(".keyframe-card").first().click();
    assert.equal(await page.getByLabel("Rest on the picture", { exact: true }).inputValue(), "2");
    assert.equal((await rendered(page)).state, "done");
  });

  it("is finished by a program that was killed while it made it", async () => {
    const job = quickJob(["a red apple", "a green pear", "an owl"], { defaults: { quality: "high", seconds: 1 } });
    const page = await open(browser, studio);
    const straight = await openJob(page, job, "straight");
    await ask(page, "tasks", { method: "POST", json: { project: straight, act: { kind: "film", format: "mp4" } } });
    await rendered(page);
    await page.locator(".film-bar").getByRole("button", { name: "Film", exact: true }).click();
    const first = await download(page);

    const other = await Studio.start();
    const killed = await open(browser, other);
    try {
      await openJob(killed, job, "straight");
      await killed.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
      await killed.locator(".transition-card img").first().waitFor({ timeout: 60_000 });
      await other.kill();
      await killed.locator(".connection").waitFor();
      await screenshot(killed, "connection-lost");
      const again = await Studio.start({ folder: other.folder, port: other.port });
      try {
        await killed.locator(".connection").waitFor({ state: "detached", timeout: 30_000 });
        const task = await rendered(killed);
        assert.equal(task.state, "done");
        await killed.getByRole("link", { name: "Download MP4" }).waitFor({ timeout: 30_000 });
        assert.equal(hash(await download(killed)), hash(first));
      } finally {
        await again.stop();
      }
    } finally {
      await other.stop();
    }
  });
});
