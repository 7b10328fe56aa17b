/** The inspector: what is selected and the film, the prompt first and the rest folded. */

import { signal } from "@preact/signals";
import { selection } from "../session/open-project";
import { FilmPanel } from "./film-panel";
import { KeyframePanel } from "./keyframe-panel";
import { TransitionPanel } from "./transition-panel";
import "./inspector.css";

const TABS = [
  { kind: "selected", label: "Selected" },
  { kind: "film", label: "Whole film" },
] as const;

export const tab = signal<"selected" | "film">("selected");

export function Inspector() {
  const selected = selection.value;
  const shown = selected.kind === "film" ? "film" : tab.value;
  const label = { keyframe: "Keyframe", transition: "Transition", film: "" }[selected.kind];
  return (
    <aside class="inspector" aria-label="Inspector">
      {selected.kind !== "film" && (
        <div class="tabs" role="group" aria-label="What is shown">
          {TABS.map(({ kind, label: name }) => (
            <button type="button" key={kind} aria-pressed={shown === kind} onClick={() => (tab.value = kind)}>
              {kind === "selected" ? label : name}
            </button>
          ))}
        </div>
      )}
      <div class="panel">
        {shown === "film" ? <FilmPanel /> : selected.kind === "keyframe" ? <KeyframePanel /> : <TransitionPanel />}
      </div>
    </aside>
  );
}
