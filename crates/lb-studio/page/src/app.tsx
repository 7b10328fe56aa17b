/** The page: a header, and below it the first screen or the open project. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { fileOf, hasFiles } from "./controls/files";
import { Icon } from "./controls/icon";
import { UNCOMMITTED } from "./controls/late-input";
import { ProjectHeader } from "./projects/project-header";
import { Home } from "./projects/home";
import { importFile } from "./projects/import";
import { Queue, QueueButton } from "./queue/queue";
import { announcement, dismiss, notices } from "./session/notices";
import { project, redo, undo } from "./session/open-project";
import { route } from "./session/live";
import { connection } from "./session/studio";
import { Workspace } from "./workspace";

export function App() {
  const open = project.value;
  useEffect(() => {
    document.title = open ? `${open.name} · lb studio` : "lb studio";
  }, [open?.name]);
  return (
    <DropTarget>
      <header class="top">
        <a class="brand" href="#/" aria-label="lb studio: all films">
          <img src="/icon.svg" alt="" width="26" height="26" />
          <span>lb studio</span>
        </a>
        {open ? <ProjectHeader /> : <span class="spacer" />}
        <QueueButton />
      </header>
      <Connection />
      {open ? <Workspace /> : route.value === null && <Home />}
      <Queue />
      <Notices />
    </DropTarget>
  );
}

/**
 * Undo and redo from the keyboard. A text field that is being typed in has its own, and what lies behind a dialog is
 * not edited.
 */
export function onShortcut(event: KeyboardEvent): void {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !project.peek()) return;
  const key = event.key.toLowerCase();
  const field = event.target as HTMLElement;
  if (document.querySelector("dialog[open]") || field.matches(UNCOMMITTED)) return;
  if (key === "z" && !event.shiftKey) undo();
  else if (key === "y" || (key === "z" && event.shiftKey)) redo();
  else return;
  event.preventDefault();
}

function Connection() {
  if (connection.value !== "lost") return null;
  return (
    <p class="connection" role="alert">
      <i aria-hidden="true" />
      The connection to lb is interrupted. Your work is safe: the page goes on by itself when lb answers again.
    </p>
  );
}

function Notices() {
  return (
    <>
      <div class="notices">
        {notices.value.map(({ id, text, tone }) => (
          <p key={id} class={tone} role={tone === "problem" ? "alert" : "status"}>
            <span>{text}</span>
            <button type="button" aria-label="Dismiss" onClick={() => dismiss(id)}>
              <Icon name="close" />
            </button>
          </p>
        ))}
      </div>
      <div class="visually-hidden" role="status" aria-live="polite">
        {announcement.value}
      </div>
    </>
  );
}

/** The whole page takes films, pictures and job files, and opens what they contain. */
function DropTarget({ children }: { children: ComponentChildren }) {
  const [over, setOver] = useState(false);
  return (
    <div
      class="drop-target"
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => event.relatedTarget === null && setOver(false)}
      onDropCapture={() => setOver(false)}
      onDrop={(event) => {
        const file = fileOf(event);
        if (!file) return;
        event.preventDefault();
        void importFile(file);
      }}
    >
      {children}
      {over && (
        <div class="drop-hint" aria-hidden="true">
          <p>Drop a film or a job file anywhere to open it, a picture on the strip to use it.</p>
        </div>
      )}
    </div>
  );
}
