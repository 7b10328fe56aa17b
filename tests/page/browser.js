/** Chromium, and what the tests do with a page again and again. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = () =>
  chromium.launch({ executablePath: process.env.LB_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

const WIDE = { viewport: { width: 1280, height: 800 }, acceptDownloads: true };
export const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

/** A page on which the studio is open. What goes wrong in it is collected in `page.problems`. */
export async function open(browser, studio, options = {}) {
  const context = await browser.newContext({ ...WIDE, ...options, storageState: studio.session });
  const page = await context.newPage();
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text())) page.problems.push(message.text());
  });
  await page.goto(studio.session ? studio.origin : studio.url);
  // The token opens one session, in which all pages of a test are.
  studio.session ??= await context.storageState();
  await page.getByRole("heading", { name: "One picture becomes another." }).waitFor();
  return page;
}

/** What the API answers to the page's own session. */
export function ask(page, path, { method = "GET", json } = {}) {
  return page.evaluate(
    async ({ path, method, json }) => {
      const response = await fetch(`/api/${path}`, {
        method,
        headers: json === undefined ? {} : { "content-type": "application/json" },
        body: json === undefined ? undefined : JSON.stringify(json),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status}: ${text}`);
      return text && JSON.parse(text);
    },
    { path, method, json },
  );
}

export const projectOf = (page) => /#\/project\/([0-9a-f]+)/.exec(page.url())[1];

/** Makes a project of a job and opens it. */
export async function openJob(page, job, name = "Test film") {
  const { id } = await ask(page, "projects", { method: "POST", json: { name, job } });
  await page.goto(`${new URL(page.url()).origin}/#/project/${id}`);
  await page.locator(".film-strip").waitFor();
  await settled(page);
  return id;
}

/** Waits until everything is saved and the plan is there. */
export async function settled(page) {
  await page.locator(".saving.saved").waitFor({ state: "attached" });
  await page.waitForTimeout(150);
}

/** Waits until no task of the open project is left, `earlier` ones aside, and gives the newest. */
export async function rendered(page, earlier = []) {
  const until = Date.now() + 120_000;
  for (;;) {
    const tasks = await ask(page, "tasks");
    const own = tasks.filter(({ id, project }) => page.url().includes(project) && !earlier.includes(id));
    if (own.length && own.every(({ state }) => ["done", "failed", "cancelled"].includes(state))) {
      return own.reduce((newest, task) => (task.created >= newest.created ? task : newest));
    }
    if (Date.now() > until) throw new Error(`still not rendered: ${JSON.stringify(own)}`);
    await page.waitForTimeout(150);
  }
}

const SCREENSHOTS = process.env.LB_SCREENSHOTS;

/** Takes a picture for docs/studio.md, if `LB_SCREENSHOTS` names the folder for them. */
export async function screenshot(page, name) {
  if (!SCREENSHOTS) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  const png = await page.screenshot({ animations: "disabled" });
  // Chromium takes no screenshots as WebP, but writes them.
  const blank = await page.context().browser().newPage();
  const webp = await blank.evaluate(async (png) => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${png}`;
    await picture.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    return canvas.toDataURL("image/webp", 0.85).split(",")[1];
  }, png.toString("base64"));
  await blank.close();
  writeFileSync(join(SCREENSHOTS, `${name}.webp`), Buffer.from(webp, "base64"));
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds that is serious, as one line each. */
export async function violations(page) {
  // The page's Content-Security-Policy forbids foreign scripts, so axe runs in a world of its own.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
}

/** The job of a film of these prompts that is rendered in a few seconds. */
export const quickJob = (prompts, more = {}) => ({
  model: "pocket-turbo",
  defaults: { quality: "lowest", seconds: 1 },
  keyframe: prompts.map((prompt, index) => ({ prompt, seed: index + 3 })),
  ...more,
});
