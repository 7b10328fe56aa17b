/** The real `lb studio`, started on a folder of its own, and killed like a program that crashes. */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const PROGRAM = process.env.LB_BINARY ?? "lb";
const CRATES = fileURLToPath(new URL("../../crates/", import.meta.url));

/** Writes the inpainting model of random weights with which the crates are tested too. */
export function writeInpaintingModel(to) {
  const kinds = join(CRATES, "lb-models/tests/golden/kinds");
  const networks = join(CRATES, "lb-export/tests/golden/fixtures");
  cpSync(join(kinds, "inpaint"), to, { recursive: true });
  cpSync(join(kinds, "tokenizer"), join(to, "tokenizer"), { recursive: true });
  for (const [model, part] of [
    ["sd2_inpainting", "unet"],
    ["sd2", "vae"],
    ["sd2", "text_encoder"],
  ]) {
    cpSync(join(networks, model, part), join(to, part), { recursive: true });
  }
}

export class Studio {
  /**
   * Starts a program with projects of its own, or on those of one that was killed. It opens no browser, unless
   * `browser` names a folder with programs that are called instead of the system's.
   */
  static async start({ folder = mkdtempSync(join(tmpdir(), "lb-studio-")), port = 0, models = [], browser } = {}) {
    const [projects, cache] = [join(folder, "projects"), join(folder, "cache")];
    const program = spawn(
      PROGRAM,
      ["studio", ...(browser ? [] : ["--no-browser"]), "--port", String(port), "--projects", projects, "--cache-dir", cache],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          LB_MODELS: [process.env.LB_MODELS, ...models].filter(Boolean).join(delimiter),
          PATH: [browser, process.env.PATH].filter(Boolean).join(delimiter),
        },
      },
    );
    const url = await new Promise((resolve, reject) => {
      let said = "";
      const read = (bytes) => {
        said += bytes;
        const found = /https?:\/\/\S+token=[\w-]+/.exec(said);
        if (found) resolve(found[0]);
      };
      program.stdout.on("data", read);
      program.stderr.on("data", read);
      program.on("exit", (code) => reject(new Error(`lb studio ended with ${code}: ${said}`)));
      program.on("error", reject);
    });
    return new Studio(program, folder, url);
  }

  constructor(program, folder, url) {
    this.program = program;
    this.folder = folder;
    /** The address with the token. */
    this.url = url;
    this.origin = new URL(url).origin;
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  /** Ends the program without warning, as a crash or a power cut does. */
  async kill() {
    const ended = new Promise((resolve) => this.program.once("exit", resolve));
    this.program.kill("SIGKILL");
    await ended;
  }

  async stop() {
    if (this.program.exitCode === null && this.program.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
