/** The first screen: a film from a few words, and the films that were made before. */

import { useId, useState } from "preact/hooks";
import { api, pictureUrl } from "../api/client";
import type { Job, ProjectSummary } from "../api/types";
import { Button, IconButton } from "../controls/button";
import { Dialog } from "../controls/dialog";
import { FileButton, FILMS_AND_JOBS } from "../controls/files";
import { Icon } from "../controls/icon";
import { Menu } from "../controls/menu";
import { ago, counted, length } from "../controls/time";
import { randomSeed } from "../job/edits";
import { attempt } from "../session/notices";
import { selection, show, start } from "../session/open-project";
import { isPlain, loadProjects, modelNamed, models, projects, quickModel, studio } from "../session/studio";
import { importFile } from "./import";
import "./projects.css";

const EXAMPLES = [
  ["a red apple", "a green pear"],
  ["a sunflower", "a red rose", "a tulip"],
  ["an owl", "a panda", "a butterfly"],
];
const BEGINNINGS = ["It begins as…", "…becomes…", "…and becomes…"];
const PLACEHOLDERS = ["a red apple", "a green pear", "a lemon"];
const MOST_PROMPTS = 6;

export function Home() {
  return (
    <main class="home">
      <NewFilm />
      <Projects />
    </main>
  );
}

function NewFilm() {
  const id = useId();
  const [prompts, setPrompts] = useState(["", ""]);
  const [looped, setLooped] = useState(false);
  const [model, setModel] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [short, setShort] = useState(false);
  const usable = models.value.filter(isPlain);
  const chosen = model ?? quickModel.value?.name ?? studio.value?.default_model;
  const given = prompts.map((prompt) => prompt.trim()).filter(Boolean);

  async function make(prompts: string[], render: boolean): Promise<void> {
    setBusy(true);
    const job: Job = {
      ...(chosen ? { model: chosen } : {}),
      ...(looped ? { loop: true } : {}),
      keyframe: prompts.map((prompt) => ({ prompt, seed: randomSeed() })),
    };
    const name = prompts.length ? `${prompts[0]} to ${prompts.at(-1)}`.slice(0, 80) : "Untitled film";
    const made = await attempt(api.createProject({ name, job }));
    setBusy(false);
    if (!made) return;
    show(made);
    location.hash = `#/project/${made.id}`;
    if (!render) return;
    selection.value = { kind: "film" };
    await start({ kind: "film", format: "mp4" });
  }

  const change = (at: number, text: string) => setPrompts(prompts.map((prompt, index) => (index === at ? text : prompt)));

  return (
    <form
      class="new-film"
      onSubmit={(event) => {
        event.preventDefault();
        if (given.length >= 2) return void make(given, true);
        setShort(true);
        const missing = prompts.findIndex((prompt) => !prompt.trim());
        document.getElementById(`${id}-${missing}`)?.focus();
      }}
    >
      <h1>
        One picture becomes <em>another.</em>
      </h1>
      <p class="lead">Describe two or more pictures. lb makes the film between them.</p>
      <ol class="prompts">
        {prompts.map((prompt, index) => (
          <li key={index}>
            <label for={`${id}-${index}`}>{BEGINNINGS[Math.min(index, BEGINNINGS.length - 1)]}</label>
            <input
              id={`${id}-${index}`}
              value={prompt}
              maxLength={500}
              autoComplete="off"
              placeholder={`for example, ${PLACEHOLDERS[index % PLACEHOLDERS.length]}`}
              onInput={(event) => change(index, event.currentTarget.value)}
            />
            {prompts.length > 2 && (
              <IconButton icon="close" label={`Remove picture ${index + 1}`} onClick={() => setPrompts(prompts.filter((_, at) => at !== index))} />
            )}
          </li>
        ))}
      </ol>
      <div class="new-film-options">
        <Button look="quiet" icon="add" disabled={prompts.length >= MOST_PROMPTS} onClick={() => setPrompts([...prompts, ""])}>
          Another picture
        </Button>
        <label class="check">
          <input type="checkbox" role="switch" class="switch" checked={looped} onChange={(event) => setLooped(event.currentTarget.checked)} />
          Back to the start
        </label>
        {usable.length > 1 && (
          <label class="model-choice">
            Model
            <select value={chosen} onChange={(event) => setModel(event.currentTarget.value)}>
              {usable.map(({ name, few_step }) => (
                <option key={name} value={name}>
                  {name}
                  {few_step ? " (quick)" : ""}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <div class="new-film-acts">
        <button type="submit" class="button primary large" disabled={busy}>
          <Icon name="film" />
          <span>Make the film</span>
        </button>
        <Button look="quiet" disabled={busy} onClick={() => void make(given, false)}>
          {given.length ? "Only open it" : "Start with an empty film"}
        </Button>
      </div>
      {short && given.length < 2 && (
        <p class="problem" role="alert">
          A film needs at least two pictures. Describe both of them, or take one of the examples.
        </p>
      )}
      <p class="examples">
        <span>Or try</span>
        {EXAMPLES.map((example) => (
          <button type="button" class="chip" key={example.join()} onClick={() => setPrompts(example)}>
            {example.join(" → ")}
          </button>
        ))}
      </p>
      {modelNamed(chosen)?.words && (
        <p class="hint">
          The model {chosen} is small: it knows about 150 things, such as animals, fruit and flowers, on plain backgrounds.
        </p>
      )}
    </form>
  );
}

function Projects() {
  const all = projects.value;
  return (
    <section class="projects" aria-label="Your films">
      <header>
        <h2>Your films</h2>
        <FileButton label="Open a film or a job file" icon="upload" accept={FILMS_AND_JOBS} onFile={(file) => void importFile(file)} />
      </header>
      {all?.length === 0 && <p class="hint">Nothing here yet. A film that lb made can be dropped anywhere on this page to open it again.</p>}
      <ul>
        {all?.map((project) => (
          <ProjectCard key={project.id} project={project} />
        ))}
      </ul>
    </section>
  );
}

function ProjectCard({ project }: { project: ProjectSummary }) {
  const [removing, setRemoving] = useState(false);
  return (
    <li class="project-card">
      <a href={`#/project/${project.id}`}>
        <span class="project-picture">{project.picture ? <img src={pictureUrl(project.picture)} alt="" loading="lazy" /> : <Icon name="film" />}</span>
        <strong>{project.name}</strong>
        <small>
          {counted(project.keyframes, "keyframe")}
          {project.seconds ? ` · ${length(project.seconds)}` : ""} · {ago(new Date(project.modified), new Date())}
        </small>
      </a>
      <Menu
        icon="more"
        label={`More about ${project.name}`}
        items={[
          { label: "Duplicate", icon: "copy", act: () => void attempt(api.duplicateProject(project.id)).then(loadProjects) },
          { label: "Delete…", icon: "trash", act: () => setRemoving(true) },
        ]}
      />
      {removing && <RemoveDialog id={project.id} name={project.name} onClose={() => setRemoving(false)} />}
    </li>
  );
}

export function RemoveDialog({ id, name, onClose }: { id: string; name: string; onClose(): void }) {
  async function remove(): Promise<void> {
    await attempt(api.removeProject(id));
    onClose();
    location.hash = "#/";
    await attempt(loadProjects());
  }
  return (
    <Dialog title="Delete this film?" onClose={onClose}>
      <p>“{name}”, its pictures and everything that was made of it are removed from the disk. This cannot be undone.</p>
      <footer>
        <Button onClick={onClose}>Keep it</Button>
        <Button look="danger" onClick={() => void remove()}>
          Delete
        </Button>
      </footer>
    </Dialog>
  );
}
