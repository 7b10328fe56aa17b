/** Files that change what the model draws: LoRAs, embeddings, and the VAE decoder. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { api } from "../api/client";
import type { AddOnKind, Keyframe } from "../api/types";
import { IconButton } from "../controls/button";
import { FileButton } from "../controls/files";
import { LateInput } from "../controls/late-input";
import { editFilm } from "../job/edits";
import { addEmbedding, filmEmbeddings, problemOfName, removeEmbedding, renameEmbedding } from "../job/embeddings";
import { addLora, addOnName, filmLoras, keyframeLoras, removeLora, setFilmStrength, setStrength } from "../job/loras";
import { attempt, notify } from "../session/notices";
import { edit, flush, job, planned, project } from "../session/open-project";
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
          <LateInput
            id={id}
            class="number narrow"
            type="number"
            inputMode="decimal"
            min={-10}
            max={10}
            step="any"
            value={String(strength)}
            onCommit={(typed) => {
              if (typed !== "") onStrength(Number(typed));
            }}
          />
          {onRemove && <IconButton class="small" icon="trash" label={`Remove ${name}`} onClick={onRemove} />}
        </span>
      </div>
    </div>
  );
}

interface GroupProps {
  title: string;
  /** How many files of the kind the film has. */
  count: number;
  help: string;
  children: ComponentChildren;
}

/** The files of one kind. */
function Group({ title, count, help, children }: GroupProps) {
  return (
    <details class="group">
      <summary>
        {title}
        {count > 0 && <span class="given-count">{count} set</span>}
      </summary>
      <div class="group-settings">
        <p class="help">{help}</p>
        {children}
      </div>
    </details>
  );
}

/** The LoRAs of the film. */
export function FilmLoras() {
  const loras = filmLoras(job.value);
  return (
    <Group
      title="LoRAs"
      count={loras.length}
      help="A LoRA gives the model another style. Here is how strong it is in the whole film; each keyframe can have a strength of its own, and the film goes from one to the other."
    >
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
    </Group>
  );
}

/** The embeddings of the film, each with the name by which prompts call it. */
export function FilmEmbeddings() {
  const embeddings = filmEmbeddings(job.value);
  const unused = planned.value?.plan.unused_embeddings ?? [];
  return (
    <Group
      title="Embeddings"
      count={embeddings.length}
      help="An embedding is a word that the model has been taught. A prompt calls it by the name that it has here."
    >
      {embeddings.map(({ path, name }, index) => (
        <EmbeddingName key={index} file={addOnName(path)} index={index} name={name} unused={unused.includes(name)} />
      ))}
      <Chooser
        kind="embedding"
        label="Add an embedding"
        without={embeddings.map(({ path }) => addOnName(path))}
        onPath={(path) => edit(`add ${path}`, (job) => addEmbedding(job, path))}
      />
    </Group>
  );
}

interface EmbeddingNameProps {
  file: string;
  index: number;
  name: string;
  unused: boolean;
}

/** The name of an embedding. */
function EmbeddingName({ file, index, name, unused }: EmbeddingNameProps) {
  const id = useId();
  return (
    <div class="setting" data-embedding={file}>
      <div class="setting-head">
        <label for={id}>{file}</label>
        <span class="setting-value">
          <LateInput
            id={id}
            type="text"
            autocapitalize="off"
            spellcheck={false}
            aria-describedby={unused ? `${id}-unused` : undefined}
            value={name}
            onCommit={(typed) => {
              const to = typed.trim();
              const problem = problemOfName(job.peek(), index, to);
              if (problem) notify(problem, "problem");
              else edit(`name of ${file} ${index}`, (job) => renameEmbedding(job, index, to));
            }}
          />
          <IconButton
            class="small"
            icon="trash"
            label={`Remove ${file}`}
            onClick={() => edit(`remove ${file} ${index}`, (job) => removeEmbedding(job, index))}
          />
        </span>
      </div>
      {unused && (
        <p class="help" id={`${id}-unused`}>
          No prompt names it: write {name} where it belongs.
        </p>
      )}
    </div>
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
    <Group
      title="VAE decoder"
      count={path ? 1 : 0}
      help="Makes the pictures of what the model has drawn. A quick one, such as TAESD, saves time; others draw finer details."
    >
      <div class="setting-head">
        <span class="add-on-name">{path ? addOnName(path) : "the model’s own"}</span>
        {path && <IconButton class="small" icon="reset" label="Back to the model’s own" onClick={() => set(undefined)} />}
      </div>
      <Chooser kind="vae" label="Use another" onPath={set} />
    </Group>
  );
}
