/** How large and how quick the page is. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { launch, open, openJob, quickJob } from "./browser.js";
import { Studio } from "./studio.js";

/** In bytes: what a first visit loads of code and styles. */
const LARGEST = 150_000;
/** In milliseconds. */
const FIRST_PAINT = 300;
const SHOWN = 100;

describe("the page", () => {
  let browser, studio;
  before(async () => {
    [browser, studio] = await Promise.all([launch(), Studio.start()]);
  });
  after(async () => {
    await browser?.close();
    await studio?.stop();
  });

  it("is small", (test) => {
    const dist = new URL("../../crates/lb-studio/page/dist/", import.meta.url);
    const files = ["index.html", "icon.svg", ...readdirSync(new URL("assets/", dist)).filter((name) => /\.(js|css)$/.test(name)).map((name) => `assets/${name}`)];
    const sum = (compress) => files.reduce((bytes, name) => bytes + compress(readFileSync(new URL(name, dist))).length, 0);
    test.diagnostic(`${sum((bytes) => bytes)} bytes, gzip ${sum(gzipSync)}, brotli ${sum(brotliCompressSync)}`);
    assert.ok(sum(gzipSync) < LARGEST);
  });

  it("paints soon", async (test) => {
    const page = await open(browser, studio);
    const times = [];
    for (let visit = 0; visit < 5; visit++) {
      await page.goto(studio.origin);
      await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
      times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    }
    times.sort((a, b) => a - b);
    test.diagnostic(`first contentful paint after ${times.map(Math.round).join(", ")} ms`);
    assert.ok(times[2] < FIRST_PAINT, `${times[2]} ms`);
  });

  it("shows an edit of a film of 50 keyframes soon", async (test) => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(Array.from({ length: 50 }, (_, at) => `owl number ${at + 1}`)));
    assert.equal(await page.locator(".keyframe-card").count(), 50);
    await page.locator(".keyframe-card").nth(25).click();
    const measure = (act) =>
      page.evaluate(async (act) => {
        const begun = performance.now();
        if (act === "type") {
          const field = document.querySelector("#prompt");
          field.value += "s";
          field.dispatchEvent(new Event("input", { bubbles: true }));
        } else {
          document.querySelector('[aria-label^="Move to the left"]').click();
        }
        await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        return performance.now() - begun;
      }, act);
    for (const act of ["type", "move"]) {
      const times = [];
      for (let round = 0; round < 7; round++) {
        times.push(await measure(act));
        await page.waitForTimeout(120);
      }
      times.sort((a, b) => a - b);
      test.diagnostic(`${act}: ${times.map(Math.round).join(", ")} ms`);
      assert.ok(times[3] < SHOWN, `${act}: ${times[3]} ms`);
    }
  });
});
