/** Files that change what the model draws: LoRAs, and the VAE decoder. */

import { useId } from "preact/hooks";
import { api } from "../api/client";
import type { AddOnKind, Keyframe } from "../api/types";
import { IconButton } from "../controls/button";
import { FileButton } from "../controls/files";
import { commitsLate } from "../controls/uncommitted";
import { editFilm } from "../job/edits";
import { addLora, addOnName, filmLoras, keyframeLoras, removeLora, setFilmStrength, setStrength } from "../job/loras";
import { attempt, notify } from "../session/notices";
import { edit, flush, job, project } from "../session/open-project";
import { knownAddOns, studio } from "../session/studio";
import { Examples } from "./settings-group";

const FILES = ".safetensors,.pt,.ckpt,.bin";
/** Beyond these strengths, few LoRAs show more than noise. The field takes others. */
const [LEAST, MOST] = [-1, 2];

/** Takes a file into the open project and gives its path in the job. */
async function keep(kind: AddOnKind, chosen: File | string): Promise<string | undefined> {
  const open = project.peek();
  // The file has to fit the model that is chosen now.
  if (!open || !(await flush())) return undefined;
  const most = studio.peek()?.limits.add_on_bytes ?? Infinity;
  if (typeof chosen !== "string" && chosen.size > most) {
    notify(`A file may have at most ${Math.round(most / 1e6)} MB.`, "problem");
    return undefined;
  }
  const work = typeof chosen === "string" ? api.chooseAddOn(open.id, kind, chosen) : api.uploadAddOn(open.id, kind, chosen);
  return (await attempt(work))?.path;
}

interface ChooserProps {
  kind: AddOnKind;
  label: string;
  /** The names that need not be offered. */
  without?: readonly string[];
  onPath(path: string): void;
}

/** The files of this machine, and one of one's own. */
function Chooser({ kind, label, without = [], onPath }: ChooserProps) {
  const id = useId();
  const known = knownAddOns.value.filter((file) => file.kind === kind && !without.includes(file.name));
  const take = (chosen: File | string) => void keep(kind, chosen).then((path) => path && onPath(path));
  const uploads = (studio.value?.limits.add_on_bytes ?? 1) > 0;
  return (
    <div class="chooser">
      {known.length > 0 && (
        <>
          <label class="visually-hidden" for={id}>
            {label}
          </label>
          <select
            id={id}
            value=""
            onChange={(event) => {
              const { value } = event.currentTarget;
              event.currentTarget.value = "";
              if (value) take(value);
            }}
          >
            <option value="">{label}…</option>
            {known.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </>
      )}
      {uploads && <FileButton label={known.length ? "Upload one" : label} icon="upload" look="quiet" accept={FILES} onFile={take} />}
    </div>
  );
}

interface StrengthProps {
  name: string;
  strength: number;
  own?: boolean;
  /** What a reset goes back to. */
  inherited?: number;
  onStrength(strength: number | undefined): void;
  onRemove?(): void;
}

/** How strong a LoRA is. */
function Strength({ name, strength, own, inherited, onStrength, onRemove }: StrengthProps) {
  const id = useId();
  return (
    <div class={`setting ${own ? "given" : ""}`} data-lora={name}>
      <div class="setting-head">
        <label for={id}>{name}</label>
        {own && <IconButton class="small" icon="reset" label={`${name}: back to ${inherited}`} onClick={() => onStrength(undefined)} />}
        <span class="setting-value">
          <input
            type="range"
            aria-label={`Strength of ${name}, slider`}
            min={LEAST}
            max={MOST}
            step={0.05}
            value={String(strength)}
            onInput={(event) => onStrength(Number(event.currentTarget.value))}
          />
          <input
            {...commitsLate}
            id={id}
            class="number narrow"
            type="number"
            inputMode="decimal"
            min={-10}
            max={10}
            step="any"
            value={String(strength)}
            onChange={(event) => {
              commitsLate.onBlur(event);
              const { value, validity } = event.currentTarget;
              if (validity.valid && value !== "") onStrength(Number(value));
            }}
          />
          {onRemove && <IconButton class="small" icon="trash" label={`Remove ${name}`} onClick={onRemove} />}
        </span>
      </div>
    </div>
  );
}

/** The LoRAs of the film. */
export function FilmLoras() {
  const loras = filmLoras(job.value);
  return (
    <details class="group">
      <summary>
        LoRAs
        {loras.length > 0 && <span class="given-count">{loras.length} set</span>}
      </summary>
      <div class="group-settings">
        <p class="help">
          A LoRA gives the model another style. Here is how strong it is in the whole film; each keyframe can have a strength of its own, and
          the film goes from one to the other.
        </p>
        <Examples table="defaults" name="lora" />
        {loras.map(({ path, strength }) => (
          <Strength
            key={path}
            name={addOnName(path)}
            strength={strength}
            onStrength={(to) => edit(`strength of ${path}`, (job) => setFilmStrength(job, path, to ?? 1))}
            onRemove={() => edit(`remove ${path}`, (job) => removeLora(job, path))}
          />
        ))}
        <Chooser
          kind="lora"
          label="Add a LoRA"
          without={loras.map(({ path }) => addOnName(path))}
          onPath={(path) => edit(`add ${path}`, (job) => addLora(job, path))}
        />
      </div>
    </details>
  );
}

/** How strong the film's LoRAs are in one keyframe. */
export function KeyframeLoras({ keyframe, index }: { keyframe: Keyframe; index: number }) {
  const film = filmLoras(job.value);
  if (film.length === 0) return null;
  return (
    <fieldset class="loras">
      <legend>LoRAs in this picture</legend>
      {keyframeLoras(job.value, keyframe).map(({ path, strength, own }, at) => (
        <Strength
          key={path}
          name={addOnName(path)}
          strength={strength}
          own={own}
          inherited={film[at]!.strength}
          onStrength={(to) => edit(`strength of ${path} in ${index}`, (job) => setStrength(job, index, path, to))}
        />
      ))}
    </fieldset>
  );
}

/** What a keyframe's card says of its LoRAs. */
export const lorasInWords = (keyframe: Keyframe) =>
  keyframeLoras(job.value, keyframe)
    .filter(({ strength }) => strength !== 0)
    .map(({ path, strength }) => `${addOnName(path)} ${strength}`)
    .join(", ");

/** Another VAE decoder than the model's own. */
export function VaeField() {
  const path = job.value.vae as string | undefined;
  const set = (to: string | undefined) => edit("vae", (job) => editFilm(job, "", "vae", to));
  return (
    <details class="group">
      <summary>
        VAE decoder
        {path && <span class="given-count">1 set</span>}
      </summary>
      <div class="group-settings">
        <p class="help">Makes the pictures of what the model has drawn. A quick one, such as TAESD, saves time; others draw finer details.</p>
        <div class="setting-head">
          <span class="add-on-name">{path ? addOnName(path) : "the model’s own"}</span>
          {path && <IconButton class="small" icon="reset" label="Back to the model’s own" onClick={() => set(undefined)} />}
        </div>
        <Chooser kind="vae" label="Use another" onPath={set} />
      </div>
    </details>
  );
}
