/** Finding pictures, and editing the strip. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ask, launch, open, openJob, PHONE, projectOf, quickJob, rendered, screenshot, settled, violations } from "./browser.js";
import { Studio, writeInpaintingModel } from "./studio.js";

const job = async (page) => (await ask(page, `projects/${projectOf(page)}`)).job;
const prompts = async (page) => (await job(page)).keyframe.map(({ prompt }) => prompt);

/** The colours of the sky from the top down, of the sun or moon, and of the hills. */
const SCENES = {
  noon: { sky: ["#5aa5e8", "#d8ecfa"], light: "#fff3b0", at: [128, 50], hills: ["#7fb069", "#4d8b50"] },
  dusk: { sky: ["#5b3f8c", "#f4845f"], light: "#ffd166", at: [96, 118], hills: ["#6d3b5e", "#3d2645"] },
  night: { sky: ["#0b1433", "#31467e"], light: "#eef3ff", at: [60, 46], hills: ["#1b2a4f", "#0c142b"] },
};

/** A landscape of 192 × 192 pixels, as an upload or a drop. */
async function picture(page, scene) {
  const bytes = await page.evaluate(async ({ sky, light, at, hills }) => {
    const size = 192;
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const context = canvas.getContext("2d");
    const air = context.createLinearGradient(0, 0, 0, size);
    sky.forEach((colour, stop) => air.addColorStop(stop, colour));
    context.fillStyle = air;
    context.fillRect(0, 0, size, size);
    const disc = (colour, x, y, radius) => {
      context.fillStyle = colour;
      context.beginPath();
      context.arc(x, y, radius, 0, 7);
      context.fill();
    };
    disc(light, ...at, 20);
    disc(hills[0], 40, 250, 120);
    disc(hills[0], 190, 240, 100);
    disc(hills[1], 120, 280, 130);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, SCENES[scene]);
  return { name: `${scene}.png`, mimeType: "image/png", buffer: Buffer.from(bytes) };
}

/** Drops a file on an element, as from the desktop. */
async function drop(page, selector, { name, mimeType, buffer }) {
  const transfer = await page.evaluateHandle(
    ({ name, mimeType, bytes }) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type: mimeType }));
      return transfer;
    },
    { name, mimeType, bytes: [...buffer] },
  );
  const box = await page.locator(selector).first().boundingBox();
  const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
  for (const type of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent(selector, type, { dataTransfer: transfer, ...at });
  }
}

describe("editing", () => {
  let browser, studio, models;
  before(async () => {
    models = mkdtempSync(join(tmpdir(), "lb-models-"));
    writeInpaintingModel(join(models, "tiny-inpaint"));
    [browser, studio] = await Promise.all([launch(), Studio.start({ models: [models] })]);
  });
  after(async () => {
    await browser?.close();
    await studio?.stop();
    rmSync(models, { recursive: true, force: true });
  });

  it("finds a picture among four seeds, keeps a favourite and looks for more like it", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["a red apple", "a green pear"]));
    await page.locator(".keyframe-card").first().click();
    await page.getByRole("button", { name: "4 other pictures" }).click();
    await page.locator(".tile img").nth(3).waitFor({ timeout: 60_000 });
    const second = page.locator(".tiles .tile").nth(1);
    const seed = Number(/seed (\d+)/.exec(await second.getAttribute("aria-label"))[1]);
    await second.click();
    await settled(page);
    assert.equal((await job(page)).keyframe[0].seed, seed);
    await page.locator(`.tile[aria-pressed="true"]`).waitFor();
    await page.locator(".keyframe-picture:not(.outdated) > img").waitFor();
    await page.getByRole("button", { name: "Keep as a favourite" }).click();
    await screenshot(page, "seeds");
    await page.getByRole("button", { name: "4 others" }).click();
    await page.getByRole("button", { name: "Favourites (1)" }).click();
    assert.equal(await page.locator(".tile img").count(), 1);
    await rendered(page);
    await page.getByRole("button", { name: "More like this" }).click();
    await page.waitForTimeout(100);
    await rendered(page);
    await page.locator(".tile img").nth(3).waitFor();
    await page.locator(".tile").nth(2).click();
    await settled(page);
    const { seed: kept, variation_seed, variation_strength } = (await job(page)).keyframe[0];
    assert.equal(kept, seed);
    assert.ok(Number.isInteger(variation_seed) && variation_strength > 0);
    await rendered(page);
    await page.reload();
    await page.locator(".keyframe-card").first().click();
    await page.locator(".tile img").nth(3).waitFor();
    assert.deepEqual(page.problems, []);
  });

  it("reorders by keyboard, inserts, duplicates, removes, undoes and redoes", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["one owl", "two owls", "three owls"]));
    await page.locator(".keyframe-card").first().click();
    await page.keyboard.press("Alt+ArrowRight");
    await settled(page);
    assert.deepEqual(await prompts(page), ["two owls", "one owl", "three owls"]);
    await page.waitForTimeout(50);
    await page.keyboard.press("Alt+ArrowRight");
    await settled(page);
    assert.deepEqual(await prompts(page), ["two owls", "three owls", "one owl"]);
    assert.match(await page.evaluate(() => document.activeElement.textContent), /^Keyframe 3 of 3: .*one owl/);
    await page.keyboard.press("Control+d");
    await settled(page);
    assert.deepEqual(await prompts(page), ["two owls", "three owls", "one owl", "one owl"]);
    await page.keyboard.press("Delete");
    await settled(page);
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await settled(page);
    assert.deepEqual(await prompts(page), ["one owl", "two owls", "three owls"]);
    await page.keyboard.press("Control+Shift+z");
    await settled(page);
    assert.deepEqual(await prompts(page), ["two owls", "one owl", "three owls"]);
    await page.locator(".transition-item").first().hover();
    await page.getByRole("button", { name: "Insert a keyframe between 1 and 2" }).click();
    await page.keyboard.type("a lemon");
    await settled(page);
    assert.deepEqual(await prompts(page), ["two owls", "a lemon", "one owl", "three owls"]);
  });

  it("reorders by dragging", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["one owl", "two owls", "three owls"]));
    await page.locator(".keyframe-card").first().dragTo(page.locator(".keyframe-card").nth(2), { targetPosition: { x: 90, y: 50 } });
    await settled(page);
    assert.deepEqual(await prompts(page), ["two owls", "three owls", "one owl"]);
  });

  it("takes an own picture as a keyframe, chosen or dropped", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["hills at noon", "hills at dusk"]));
    await page.locator(".keyframe-card").first().click();
    await page.getByLabel("Use a picture of my own").setInputFiles(await picture(page, "noon"));
    await page.locator(".keyframe-picture > img").waitFor();
    await settled(page);
    assert.match((await job(page)).keyframe[0].image, /^pictures\/[0-9a-f]{64}\.png$/);
    await drop(page, ".keyframe-card >> nth=1", await picture(page, "dusk"));
    await page.waitForFunction(() => document.querySelectorAll(".keyframe-card img").length === 2);
    await settled(page);
    assert.match((await job(page)).keyframe[1].image, /^pictures\//);
    await drop(page, ".add", await picture(page, "night"));
    await page.waitForFunction(() => document.querySelectorAll(".keyframe-card").length === 3);
    await settled(page);
    await screenshot(page, "own-pictures");
    assert.deepEqual(page.problems, []);
  });

  it("shows markup in a prompt as text", async () => {
    const page = await open(browser, studio);
    const markup = `<img src=x onerror="document.title='run'"><b>owl</b>`;
    await openJob(page, quickJob([markup, "a pear"]), markup);
    assert.equal(await page.locator(".keyframe-card .excerpt").first().innerText(), markup);
    assert.equal(await page.locator(".film-strip b >> text=owl").count(), 0);
    assert.notEqual(await page.title(), "run");
    assert.equal(await page.locator(".project-name").inputValue(), markup);
  });

  it("opens a dropped film, and exports and imports the job file", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["a red apple", "a lemon"]), "Fruit");
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    assert.equal((await rendered(page)).state, "done");
    const made = await job(page);
    const id = projectOf(page);
    const folder = mkdtempSync(join(tmpdir(), "lb-download-"));
    const save = async (click, name) => {
      const [file] = await Promise.all([page.waitForEvent("download"), click()]);
      const path = join(folder, name);
      await file.saveAs(path);
      return readFileSync(path);
    };
    const film = await save(() => page.getByRole("link", { name: "Download MP4" }).click(), "film.mp4");
    await page.getByRole("button", { name: "More about this film" }).click();
    const toml = await save(() => page.getByRole("menuitem", { name: /Save the job file/ }).click(), "film.toml");
    assert.match(toml.toString(), /prompt = "a red apple"/);

    await drop(page, ".stage", { name: "film.mp4", mimeType: "video/mp4", buffer: film });
    await page.waitForFunction((id) => /#\/project\/\w+/.test(location.hash) && !location.hash.includes(id), id);
    const again = await job(page);
    assert.deepEqual(again.keyframe.map(({ prompt, seed }) => [prompt, seed]), made.keyframe.map(({ prompt, seed }) => [prompt, seed]));

    await page.goto(`${studio.origin}/#/`);
    await page.getByLabel("Open a film or a job file").setInputFiles({ name: "film.toml", mimeType: "application/toml", buffer: toml });
    await page.locator(".film-strip").waitFor();
    assert.deepEqual((await job(page)).keyframe.map(({ prompt }) => prompt), ["a red apple", "a lemon"]);
    await page.getByRole("button", { name: "More about this film" }).click();
    const original = page.url();
    await page.getByRole("menuitem", { name: "Duplicate" }).click();
    await page.waitForFunction((original) => location.href !== original, original);
    await page.getByLabel("Name of the film").fill("Renamed");
    await page.getByLabel("Name of the film").press("Enter");
    await page.goto(`${studio.origin}/#/`);
    await page.getByText("Renamed").waitFor();
  });

  it("paints a mask on the picture of an inpainting film", async () => {
    const page = await open(browser, studio);
    await openJob(page, { model: "tiny-inpaint", keyframe: [{ prompt: "a" }, { prompt: "b" }] });
    await page.locator(".film-bar").getByRole("button", { name: "Film", exact: true }).click();
    await page.getByLabel("The picture that is partly repainted").setInputFiles(await picture(page, "dusk"));
    await page.getByRole("button", { name: "Paint the mask" }).click();
    const canvas = page.locator(".mask-area canvas");
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.55, { steps: 8 });
    await page.mouse.up();
    await canvas.focus();
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("Space");
    await screenshot(page, "mask");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Use this mask" }).click();
    await page.getByRole("button", { name: "Change the mask" }).waitFor();
    await settled(page);
    const { inpaint } = await job(page);
    const share = await page.evaluate(async (url) => {
      const picture = new Image();
      picture.src = url;
      await picture.decode();
      const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
      const context = canvas.getContext("2d");
      context.drawImage(picture, 0, 0);
      const { data } = context.getImageData(0, 0, picture.width, picture.height);
      const white = data.filter((value, at) => at % 4 === 0 && value > 250).length;
      return white / (picture.width * picture.height);
    }, `/api/projects/${projectOf(page)}/${inpaint.mask}`);
    assert.ok(share > 0.02 && share < 0.3, `${share} of the mask is white`);
    assert.deepEqual(page.problems, []);
  });

  it("gives a style to one keyframe, and takes it back", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a red apple", "a green pear", "a sunflower"]));
    await page.locator(".film-bar").getByRole("button", { name: "Film", exact: true }).click();
    await page.locator(".film-bar").getByRole("button", { name: "Make the film" }).click();
    assert.equal((await rendered(page)).state, "done");
    await page.locator(".inspector summary", { hasText: "LoRAs" }).click();
    await page.getByLabel("Add a LoRA").selectOption("neon");
    await page.locator('[data-lora="neon"]').waitFor();
    await page.locator('[data-lora="neon"] input[type="number"]').fill("0");
    await page.locator('[data-lora="neon"] input[type="number"]').press("Tab");
    await settled(page);
    const [{ lora }] = [(await job(page)).defaults];
    assert.match(lora[0], /^loras\/[0-9a-f]{64}-neon\.safetensors:0$/);

    await page.locator(".keyframe-card").nth(2).click();
    await page.locator('[data-lora="neon"] input[type="number"]').fill("0.9");
    await page.locator('[data-lora="neon"] input[type="number"]').press("Tab");
    await settled(page);
    assert.match(await page.locator(".keyframe-card").nth(2).innerText(), /neon 0\.9/);
    const states = (list) => list.map(({ state }) => state);
    const styled = await ask(page, `projects/${id}/plan`);
    assert.deepEqual(states(styled.keyframes), ["ready", "ready", "missing"]);
    assert.deepEqual(states(styled.transitions), ["ready", "missing"]);
    const earlier = (await ask(page, "tasks")).map((task) => task.id);
    await page.getByRole("button", { name: "Show the picture" }).click();
    earlier.push((await rendered(page, earlier)).id);
    await page.locator(".keyframe-picture:not(.outdated) > img").waitFor();
    await screenshot(page, "lora");
    await page.locator(".film-bar").getByRole("button", { name: "Make it again" }).click();
    assert.equal((await rendered(page, earlier)).state, "done");

    await page.locator(".keyframe-card").nth(2).focus();
    await page.keyboard.press("Control+z");
    await settled(page);
    assert.equal((await job(page)).keyframe[2].lora, undefined);
    assert.deepEqual(states((await ask(page, `projects/${id}/plan`)).transitions), ["ready", "ready"]);
    assert.deepEqual(page.problems, []);
  });

  it("takes a LoRA of one's own, and says what is none", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["a red apple", "a green pear"]));
    await page.locator(".film-bar").getByRole("button", { name: "Film", exact: true }).click();
    await page.locator(".inspector summary", { hasText: "LoRAs" }).click();
    const upload = page.getByLabel("Upload one").first();
    await upload.setInputFiles({ name: "holiday.safetensors", mimeType: "application/octet-stream", buffer: Buffer.from("no weights") });
    await page.locator(".notices .problem", { hasText: "holiday" }).waitFor();
    const file = new URL("../../models/pocket-loras/neon.safetensors", import.meta.url);
    await upload.setInputFiles({ name: "My glow.safetensors", mimeType: "application/octet-stream", buffer: readFileSync(file) });
    await page.locator('[data-lora="My-glow"]').waitFor();
    await page.getByRole("button", { name: "Remove My-glow" }).click();
    await settled(page);
    assert.equal((await job(page)).defaults?.lora, undefined);
  });

  it("takes an embedding, whose name a prompt can use", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a red apple", "a glorp", "a sunflower"]));
    const film = page.locator(".film-bar");
    const states = async () => (await ask(page, `projects/${id}/plan`)).keyframes.map(({ state }) => state);
    await film.getByRole("button", { name: "Film", exact: true }).click();
    await film.getByRole("button", { name: "Make the film" }).click();
    assert.equal((await rendered(page)).state, "done");
    await page.locator(".inspector summary", { hasText: "Embeddings" }).click();
    await page.getByLabel("Add an embedding").selectOption("owlpenguin");
    const row = page.locator('[data-embedding="owlpenguin"]');
    await row.getByText("No prompt names it").waitFor();
    assert.deepEqual(await states(), ["ready", "ready", "ready"]);

    // A name that would be read as a path is refused, and the old one stays.
    const name = row.getByLabel("owlpenguin", { exact: true });
    await name.fill("owl/penguin");
    await name.press("Tab");
    await page.locator(".notices .problem", { hasText: "A name" }).waitFor();
    assert.equal(await name.inputValue(), "owlpenguin");
    await name.fill("glorp");
    await name.press("Tab");
    await settled(page);
    const { embedding } = await job(page);
    assert.match(embedding[0], /^embeddings\/[0-9a-f]{64}-owlpenguin\.safetensors=glorp$/);
    assert.deepEqual(await states(), ["ready", "missing", "ready"]);
    await row.getByText("No prompt names it").waitFor({ state: "detached" });

    await page.locator(".keyframe-card").nth(1).click();
    await page.locator(".prompt-reading .count", { hasText: "2 of 75 tokens" }).waitFor();
    assert.equal(await page.locator(".prompt-reading .warning").count(), 0);
    await page.locator(".keyframe-card").nth(1).focus();
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await settled(page);
    assert.equal((await job(page)).embedding, undefined);
    assert.deepEqual(await states(), ["ready", "ready", "ready"]);
    await page.locator(".prompt-reading .warning", { hasText: "glorp" }).waitFor();

    await film.getByRole("button", { name: "Film", exact: true }).click();
    await page.locator(".inspector summary", { hasText: "Embeddings" }).click();
    const upload = page.locator("details", { hasText: "An embedding is a word" }).getByLabel("Upload one");
    const lora = new URL("../../models/pocket-loras/neon.safetensors", import.meta.url);
    await upload.setInputFiles({ name: "glow.safetensors", mimeType: "application/octet-stream", buffer: readFileSync(lora) });
    await page.locator(".notices .problem", { hasText: "LoRA" }).waitFor();
    const own = new URL("../../models/pocket-embeddings/owlpenguin.safetensors", import.meta.url);
    await upload.setInputFiles({ name: "My bird.safetensors", mimeType: "application/octet-stream", buffer: readFileSync(own) });
    await page.locator('[data-embedding="My-bird"]').waitFor();
    await page.getByRole("button", { name: "Remove My-bird" }).click();
    await settled(page);
    assert.equal((await job(page)).embedding, undefined);
  });

  it("shows a strip of the effect of every setting", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["a lemon", "a pear"]));
    const without = () =>
      page.locator(".inspector").evaluate((inspector) => {
        inspector.querySelectorAll("details").forEach((group) => (group.open = true));
        const rows = [...inspector.querySelectorAll("[data-setting]")];
        const has = (row) => [...row.querySelectorAll("button")].some(({ textContent }) => textContent === "See what it does");
        return { count: rows.length, without: rows.filter((row) => !has(row)).map((row) => row.dataset.setting) };
      });
    await page.locator(".keyframe-card").first().click();
    const keyframe = await without();
    assert.deepEqual(keyframe.without, []);
    await page.locator(".transition-card").first().click();
    const transition = await without();
    assert.deepEqual(transition.without, []);
    await page.getByRole("button", { name: "Whole film" }).click();
    const film = await without();
    assert.deepEqual(film.without, []);
    assert.ok(keyframe.count >= 3 && transition.count >= 10 && film.count >= 20, `${keyframe.count}, ${transition.count}, ${film.count}`);
    // The strips are there.
    for (const button of await page.getByRole("button", { name: "See what it does" }).all().then((all) => all.slice(0, 3))) await button.click();
    await page.waitForFunction(() => [...document.querySelectorAll(".strips img")].every(({ naturalWidth }) => naturalWidth > 0));
  });

  it("says how a prompt is read while it is typed", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["a red apple", "a green pear"]));
    await page.locator(".keyframe-card").first().click();
    const prompt = page.getByLabel("What the picture shows");
    await page.locator(".chunks .count", { hasText: "3 of 75 tokens" }).waitFor();
    await prompt.fill("an owl <lora:neon:0.8>");
    await page.locator(".prompt-reading .problem", { hasText: "LoRAs" }).waitFor();
    await prompt.fill(`a (ripe:1.2) red apple on a plate, ${Array(9).fill("blue leaves, yellow flowers and a small white cup").join(", ")}`);
    await page.locator(".prompt-reading li").nth(1).waitFor();
    assert.match(await page.locator(".chunks .count").innerText(), /^\d+ tokens in 2 chunks$/);
    await screenshot(page, "long-prompt");
    assert.deepEqual(await violations(page), []);
  });

  it("undoes typing in a text, and edits of the film elsewhere", async () => {
    const page = await open(browser, studio);
    await openJob(page, quickJob(["one owl", "two owls"]));
    await page.locator(".keyframe-card").first().click();
    await page.getByRole("button", { name: "Another seed" }).click();
    await settled(page);
    const { seed } = (await job(page)).keyframe[0];
    const prompt = page.getByLabel("What the picture shows");
    await prompt.focus();
    await page.keyboard.press("End");
    await page.keyboard.type(" and");
    // The browser decides how many letters one step takes back.
    for (let left = 4; left && (await prompt.inputValue()) !== "one owl"; left--) await page.keyboard.press("Control+z");
    await settled(page);
    let now = (await job(page)).keyframe[0];
    assert.equal(now.seed, seed, "the film was undone while the text was edited");
    assert.equal(await prompt.inputValue(), "one owl");
    assert.equal(now.prompt, "one owl");
    // Nothing is left to undo in the text.
    await page.keyboard.press("Control+z");
    await settled(page);
    assert.equal((await job(page)).keyframe[0].seed, seed);
    await page.locator(".keyframe-card").first().focus();
    for (let left = 0; left < 4; left++) await page.keyboard.press("Control+z");
    await settled(page);
    now = (await job(page)).keyframe[0];
    assert.notEqual(now.seed, seed);
  });

  it("leaves what is being typed alone when the film changes elsewhere", async () => {
    const page = await open(browser, studio);
    const id = await openJob(page, quickJob(["a lemon", "a pear"]));
    await settled(page);
    const other = await open(browser, studio);
    await page.locator(".keyframe-card").first().click();
    const rest = page.getByLabel("Rest on the picture", { exact: true });
    await rest.pressSequentially("1.2");
    const theirs = await ask(page, `projects/${id}`);
    theirs.job.keyframe[1].prompt = "a cherry";
    await other.evaluate(
      ([path, body, revision]) =>
        fetch(path, { method: "PUT", headers: { "content-type": "application/json", "if-match": `"${revision}"` }, body }),
      [`/api/projects/${id}/job`, JSON.stringify(theirs.job), theirs.revision],
    );
    await page.locator(".keyframe-card", { hasText: "cherry" }).waitFor();
    assert.equal(await rest.inputValue(), "1.2");
    await rest.press("Tab");
    await settled(page);
    const [first, second] = (await job(page)).keyframe;
    assert.deepEqual([first.hold, second.prompt], [1.2, "a cherry"]);
    // What is not allowed is said, and does not stay.
    await rest.fill("-3");
    await rest.press("Tab");
    await page.getByRole("alert").filter({ hasText: "Rest on the picture" }).waitFor();
    assert.equal(await rest.inputValue(), "1.2");
  });

  it("chooses the device, and says why others cannot be used", async () => {
    const page = await open(browser, studio);
    await page.getByRole("button", { name: "Queue", exact: true }).click();
    await page.waitForFunction(() => !document.querySelector("#device").disabled);
    await page.getByLabel("Device", { exact: true }).selectOption("cpu");
    await page.waitForFunction(() => /processor/.test(document.querySelector("#device-help").textContent));
    assert.equal((await ask(page, "studio")).device, "cpu");
    await page.locator(".device summary").click();
    assert.match(await page.locator(".device dl").innerText(), /tensorrt/);
    await screenshot(page, "device");
  });

  it("has nothing that axe finds serious, in light and dark, wide and on a phone", async () => {
    for (const [name, options] of [
      ["light", { colorScheme: "light" }],
      ["dark", { colorScheme: "dark" }],
      ["phone", PHONE],
    ]) {
      const page = await open(browser, studio, options);
      assert.deepEqual(await violations(page), [], `first screen, ${name}`);
      // axe leaves the list of an emulated phone scrolled in a way in which a click can hit another card.
      const film = await page.locator(".project-card a", { hasText: "Fruit" }).first().getAttribute("href");
      await page.evaluate((address) => (location.href = address), film);
      await page.getByRole("link", { name: "Download MP4" }).waitFor();
      assert.deepEqual(await violations(page), [], `film, ${name}`);
      if (name !== "light") await screenshot(page, `film-${name}`);
      for (const group of ["LoRAs", "Embeddings", "VAE decoder"]) await page.locator(".inspector summary", { hasText: group }).click();
      await page.getByLabel("Add a LoRA").waitFor();
      assert.deepEqual(await violations(page), [], `LoRAs, ${name}`);
      await page.locator(".transition-card").first().click();
      await page.getByText("More about this transition").click();
      assert.deepEqual(await violations(page), [], `transition, ${name}`);
      await page.locator(".keyframe-card").first().click();
      await page.getByRole("button", { name: /queue/i }).first().click();
      assert.deepEqual(await violations(page), [], `keyframe and queue, ${name}`);
      await page.context().close();
    }
  });
});

describe("signing in", () => {
  it("works from the private file that leads to the address", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lb-browser-"));
    // In place of a browser, a script notes what it was given.
    const given = join(folder, "given");
    writeFileSync(join(folder, "xdg-open"), `#!/bin/sh\nprintf '%s' "$*" > '${given}.new' && mv '${given}.new' '${given}'\n`, { mode: 0o755 });
    const studio = await Studio.start({ browser: folder });
    const browser = await launch();
    try {
      for (let waited = 0; !existsSync(given) && waited < 10_000; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
      const file = readFileSync(given, "utf8");
      assert.ok(file.endsWith("open.html"), file);
      assert.ok(!file.includes("token"), file);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const page = await (await browser.newContext()).newPage();
      await page.goto(`file://${file}`);
      await page.getByRole("heading", { name: "One picture becomes another." }).waitFor();
      assert.ok(!existsSync(file), "the file is still there");
    } finally {
      await browser.close();
      await studio.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
