/** The settings of the whole film. */

import { useState } from "preact/hooks";
import { Button } from "../controls/button";
import { api } from "../api/client";
import { duration } from "../controls/time";
import { editFilm, filmSetting, keepNames } from "../job/edits";
import { MaskDialog } from "../keyframe/mask-dialog";
import { FilmEmbeddings, FilmLoras, VaeField } from "./add-ons";
import { DepthField, PictureField } from "./picture-field";
import { edit, flush, job, keyframes, project } from "../session/open-project";
import { attempt } from "../session/notices";
import { isDepth, isInpainting, isPlain, modelNamed, models, settings, upscalers, type TableSetting } from "../session/studio";
import { SettingRow, SettingsGroup, type Bound } from "./settings-group";

const TITLES: Record<string, string> = {
  "": "Film",
  camera: "Camera",
  crossfeed: "Crossfeed",
  upscale: "Upscaling",
};
/** The settings that are not folded, in this order. */
const FIRST = [".model", ".loop", ".size"];
/** What other parts of the page show. */
const ELSEWHERE = [".stills", ".vae", ".embedding", ".include", "defaults.lora", "upscale.model", "inpaint.image", "inpaint.mask", "depth.image"];

const nameOf = ({ table, key }: TableSetting) => `${table}.${key}`;

export function FilmPanel() {
  const [painting, setPainting] = useState(false);
  const model = modelNamed(job.value.model);
  const bind = (setting: TableSetting): Bound => ({
    setting,
    value: filmSetting(job.value, setting.table, setting.key),
    inherited: inheritedOf(setting),
    choices: nameOf(setting) === ".model" ? modelChoices() : undefined,
    onChange: (value) => edit(`${nameOf(setting)} of the film`, (job) => editFilm(job, setting.table, setting.key, value)),
  });
  const shown = settings.value.filter(
    (setting) =>
      setting.table !== "keyframe" &&
      !setting.key.includes("sha256") &&
      !ELSEWHERE.includes(nameOf(setting)) &&
      (setting.table !== "inpaint" || isInpainting(model)) &&
      (setting.table !== "upscale" || job.value.upscale !== undefined) &&
      setting.table !== "depth",
  );
  const first = FIRST.flatMap((name) => shown.filter((setting) => nameOf(setting) === name));
  const rest = shown.filter((setting) => !first.includes(setting) && setting.table === "");
  const groups = [...new Set(rest.map(({ group }) => group))];
  const defaults = shown.filter(({ table }) => table === "defaults");
  return (
    <>
      <h2 class="panel-title">Whole film</h2>
      {first.map((setting) => (
        <SettingRow key={nameOf(setting)} {...bind(setting)} />
      ))}
      <TimeField />
      {isInpainting(model) && (
        <fieldset class="pictures-of-film">
          <legend>Repainted part</legend>
          <PictureField table="inpaint" field="image" label="The picture that is partly repainted" />
          <Button icon="brush" disabled={!filmSetting(job.value, "inpaint", "image")} onClick={() => setPainting(true)}>
            {filmSetting(job.value, "inpaint", "mask") ? "Change the mask" : "Paint the mask"}
          </Button>
        </fieldset>
      )}
      {isDepth(model) && <DepthField />}
      {upscalers.value.length > 0 && <UpscaleSwitch />}
      <FilmLoras />
      <FilmEmbeddings />
      <SettingsGroup title="All transitions and pictures" settings={defaults.map(bind)} />
      {groups.map((group) => (
        <SettingsGroup key={group} title={group} settings={rest.filter((setting) => setting.group === group).map(bind)} />
      ))}
      <VaeField />
      {["camera", "inpaint", "upscale", "crossfeed"].map((table) => (
        <SettingsGroup key={table} title={TITLES[table] ?? "Inpainting"} settings={shown.filter((setting) => setting.table === table).map(bind)} />
      ))}
      {painting && <MaskDialog project={project.value!.id} onClose={() => setPainting(false)} />}
    </>
  );
}

function modelChoices() {
  return models.value
    .filter((model) => !/upscal/.test(model.kind))
    .map((model) => ({ name: model.name, help: `${model.width}×${model.height}${isPlain(model) ? "" : `, ${model.kind}`}` }));
}

function inheritedOf({ table, key, default: declared }: TableSetting): unknown {
  const model = modelNamed(job.value.model);
  if (table === "" && key === "model") return model?.name ?? declared;
  if (table === "" && key === "size" && model) return `${model.width}x${model.height}`;
  return (model?.defaults as Record<string, unknown> | undefined)?.[key] ?? declared;
}

/** A time for the render, from which the numbers of steps, frames and pictures follow. */
function TimeField() {
  const [seconds, setSeconds] = useState("5");
  const [said, setSaid] = useState("");
  async function choose(): Promise<void> {
    if (!(await flush())) return;
    const before = job.peek();
    const found = await attempt(api.within(project.peek()!.id, Number(seconds)));
    if (!found || job.peek() !== before) return;
    edit(`within ${seconds} ${Date.now()}`, () => keepNames(found.job, before));
    const { fits, expected_seconds: expected } = found;
    if (expected == null) setSaid("Nothing was rendered here yet, so this is the fastest film. Render it, then choose again.");
    else setSaid(`${fits ? "It" : "Even the fastest film"} takes about ${duration(expected)}.`);
  }
  return (
    <div class="setting">
      <div class="setting-head">
        <label for="within">Render it within</label>
        <span class="setting-value">
          <input
            id="within"
            class="number"
            type="number"
            min={0.1}
            step="any"
            aria-describedby="within-help"
            value={seconds}
            onInput={(event) => setSeconds(event.currentTarget.value)}
          />
          <span class="unit">s</span>
          <Button disabled={!(Number(seconds) > 0) || keyframes.value.length < 2} onClick={() => void choose()}>
            Choose
          </Button>
        </span>
      </div>
      <p class="help" id="within-help" role="status">
        {said || "Chooses the finest quality for which this machine is fast enough."}
      </p>
    </div>
  );
}

function UpscaleSwitch() {
  const on = job.value.upscale !== undefined;
  const [first] = upscalers.value;
  return (
    <div class="setting">
      <div class="setting-head">
        <label for="upscale">Four times larger</label>
        <input
          id="upscale"
          type="checkbox"
          role="switch"
          class="switch"
          checked={on}
          onChange={() => edit("upscale", (job) => editFilm(job, "upscale", "model", on ? undefined : first!.name))}
        />
      </div>
      <p class="help">A second stage draws the film again, with new detail, by {first?.name}.</p>
    </div>
  );
}
