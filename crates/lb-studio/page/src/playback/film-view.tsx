/** The stage when the film is selected: its newest version, or what is computed of it so far. */

import { useState } from "preact/hooks";
import { api } from "../api/client";
import type { Film, Format, FramePlan } from "../api/types";
import { Button } from "../controls/button";
import { Icon } from "../controls/icon";
import { Dialog } from "../controls/dialog";
import { Menu, type MenuItem } from "../controls/menu";
import { ago, bytes } from "../controls/time";
import { announce, attempt } from "../session/notices";
import { framesBetween, planned, problem, project, reloadProject, start } from "../session/open-project";
import { activeTasks } from "../session/studio";
import { Flipbook } from "./flipbook";
import { Player } from "./player";
import "./playback.css";

export const FORMATS: { format: Format; name: string }[] = [
  { format: "mp4", name: "MP4 film" },
  { format: "gif", name: "GIF" },
  { format: "webp", name: "WebP" },
  { format: "png", name: "PNG pictures (zip)" },
  { format: "sheet", name: "Contact sheet" },
];

const isShown = ({ format }: Film) => format === "mp4" || format === "gif" || format === "webp";

export function FilmView() {
  const [chosen, setChosen] = useState<number | null>(null);
  const [against, setAgainst] = useState<number | null>(null);
  const [side, setSide] = useState<"beside" | "wipe">("wipe");
  const open = project.value!;
  const plan = planned.value?.plan;
  const films = open.films.filter(({ format }) => format === "mp4");
  const film = open.films.find(({ number }) => number === chosen) ?? films.at(-1) ?? open.films.filter(isShown).at(-1);
  if (!film) return <Unmade />;
  const other = films.find(({ number }) => number === against && number !== film.number);
  const outdated = plan?.film != null && plan.film.key !== film.job_key;
  return (
    <div class="film-view">
      <Player project={open.id} film={film} other={other} side={side} />
      <div class="versions">
        {films.length > 1 && (
          <>
            <label>
              <span class="visually-hidden">Version</span>
              <select value={String(film.number)} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
                {[...films].reverse().map(({ number, created }) => (
                  <option key={number} value={number}>
                    Version {number}, {ago(new Date(created), new Date())}
                  </option>
                ))}
              </select>
            </label>
            <label>
              <span class="visually-hidden">Compare with</span>
              <select value={other ? String(other.number) : ""} onChange={(event) => setAgainst(Number(event.currentTarget.value) || null)}>
                <option value="">Compare with…</option>
                {films
                  .filter(({ number }) => number !== film.number)
                  .map(({ number }) => (
                    <option key={number} value={number}>
                      Version {number}
                    </option>
                  ))}
              </select>
            </label>
            {other && (
              <span class="segments" role="group" aria-label="How they are compared">
                <Button look="quiet" aria-pressed={side === "wipe"} icon="split" onClick={() => setSide("wipe")}>
                  Wipe
                </Button>
                <Button look="quiet" aria-pressed={side === "beside"} icon="columns" onClick={() => setSide("beside")}>
                  Side by side
                </Button>
              </span>
            )}
          </>
        )}
        {outdated && <span class="badge">the film was edited after this version</span>}
        <Downloads film={film} />
      </div>
    </div>
  );
}

/** Every format: those of this version to download, the others to be made. */
function Downloads({ film }: { film: Film }) {
  const [removing, setRemoving] = useState(false);
  const open = project.value!;
  const busy = activeTasks.value.some((task) => task.project === open.id && task.act.kind === "film");
  const made = (format: Format) => open.films.findLast((other) => other.format === format && other.job_key === film.job_key);
  return (
    <div class="downloads">
      <a class="button primary" href={film.url} download={film.file}>
        <Icon name="download" />
        <span>Download {film.format.toUpperCase()}</span>
      </a>
      <Menu
        class="upwards"
        icon="more"
        label="Other formats"
        items={[
          ...FORMATS.map(({ format, name }): MenuItem => {
            const there = made(format);
            return there
              ? { label: name, icon: "download", note: bytes(there.bytes), href: there.url }
              : { label: name, icon: "film", note: "make it", disabled: busy, act: () => void start({ kind: "film", format }) };
          }),
          { label: "Delete this version…", icon: "trash", act: () => setRemoving(true) },
        ]}
      />
      {removing && <RemoveVersion film={film} onClose={() => setRemoving(false)} />}
    </div>
  );
}

/** A version goes with all of its formats. */
function RemoveVersion({ film, onClose }: { film: Film; onClose(): void }) {
  const open = project.value!;
  const formats = open.films.filter(({ job_key, format, number }) => number === film.number || (job_key === film.job_key && format !== "mp4"));
  async function remove(): Promise<void> {
    for (const { number } of formats) await attempt(api.removeFilm(open.id, number));
    onClose();
    announce("The version is deleted.");
    await attempt(reloadProject());
  }
  return (
    <Dialog title="Delete this version?" onClose={onClose}>
      <p>
        {formats.length > 1 ? `Its ${formats.length} files are` : "Its file is"} removed from the disk. The keyframes and what was computed for them
        stay, so that the film can be made again.
      </p>
      <footer>
        <Button onClick={onClose}>Keep it</Button>
        <Button look="danger" onClick={() => void remove()}>
          Delete
        </Button>
      </footer>
    </Dialog>
  );
}

/** What is shown before there is a film: the frames that are computed. */
function Unmade() {
  const plan = planned.value?.plan;
  const frames: FramePlan[] = (plan?.transitions ?? []).flatMap(({ frames }, index) =>
    frames.length ? framesBetween(index).map(({ fraction, picture }) => ({ fraction: index + fraction, picture })) : [],
  );
  const busy = activeTasks.value.some((task) => task.project === project.value?.id && task.act.kind === "film");
  if (frames.length > 0) {
    return (
      <div class="film-view">
        <Flipbook frames={frames} seconds={plan?.film?.seconds ?? 3} label="What is computed of the film" />
        <p class="hint">These are the frames that are computed so far.</p>
      </div>
    );
  }
  return (
    <div class="film-view unmade">
      <Icon name="film" />
      <h2>{busy ? "Your film is being made" : "No film yet"}</h2>
      <p>{problem.value ?? (busy ? "Frames appear here as soon as they are computed." : "Everything that is missing is computed when you make the film. You can go on editing meanwhile.")}</p>
    </div>
  );
}
