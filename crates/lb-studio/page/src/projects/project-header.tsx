/** The name of the open project, and what can be done with it as a whole. */

import { useEffect, useState } from "preact/hooks";
import { api, jobFileUrl } from "../api/client";
import { IconButton } from "../controls/button";
import { Menu } from "../controls/menu";
import { attempt } from "../session/notices";
import { flush, history, project, redo, saving, show, undo } from "../session/open-project";
import { RemoveDialog } from "./home";

const MOST_LETTERS = 200;

export function ProjectHeader() {
  const open = project.value!;
  const [name, setName] = useState(open.name);
  const [removing, setRemoving] = useState(false);
  useEffect(() => setName(open.name), [open.name, open.id]);

  async function rename(): Promise<void> {
    const to = name.trim();
    if (!to) return setName(open.name);
    if (to === open.name) return;
    project.value = { ...open, name: to };
    const renamed = await attempt(api.patchProject(open.id, { name: to }));
    const current = project.peek();
    if (renamed && current?.id === renamed.id) project.value = { ...current, name: renamed.name };
  }

  async function duplicate(): Promise<void> {
    await flush();
    const copy = await attempt(api.duplicateProject(open.id));
    if (!copy) return;
    show(copy);
    location.hash = `#/project/${copy.id}`;
  }

  const { past, future } = history.value;
  return (
    <>
      <input
        class="project-name"
        aria-label="Name of the film"
        maxLength={MOST_LETTERS}
        value={name}
        onInput={(event) => setName(event.currentTarget.value)}
        onBlur={() => void rename()}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
          if (event.key === "Escape") setName(open.name);
        }}
      />
      <span class={`saving ${saving.value}`}>{{ saved: "Saved", saving: "Saving…", unsaved: "Not saved yet" }[saving.value]}</span>
      <span class="spacer" />
      <IconButton icon="undo" label="Undo (Ctrl+Z)" disabled={past.length === 0} onClick={undo} />
      <IconButton icon="redo" label="Redo (Ctrl+Shift+Z)" disabled={future.length === 0} onClick={redo} />
      <Menu
        icon="more"
        label="More about this film"
        items={[
          { label: "Duplicate", icon: "copy", act: () => void duplicate() },
          { label: "Save the job file", icon: "download", note: "TOML", href: jobFileUrl(open.id) },
          { label: "Delete…", icon: "trash", act: () => setRemoving(true) },
        ]}
      />
      {removing && <RemoveDialog id={open.id} name={open.name} onClose={() => setRemoving(false)} />}
    </>
  );
}
