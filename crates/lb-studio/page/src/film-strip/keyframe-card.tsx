/** A keyframe on the strip: its picture, its prompt, its seed, and how long the film rests on it. */

import { useState } from "preact/hooks";
import { pictureUrl, uploadUrl } from "../api/client";
import type { Keyframe } from "../api/types";
import { fileOf, hasFiles } from "../controls/files";
import { Icon } from "../controls/icon";
import { lorasInWords } from "../inspector/add-ons";
import { known } from "../session/open-project";

interface KeyframeCardProps {
  project: string;
  keyframe: Keyframe;
  index: number;
  count: number;
  current: boolean;
  /** Whether the Tab key reaches it; the arrow keys reach the others. */
  reachable: boolean;
  onSelect(): void;
  onFile(file: File): void;
}

export function KeyframeCard({ project, keyframe, index, count, current, reachable, onSelect, onFile }: KeyframeCardProps) {
  const [over, setOver] = useState(false);
  const { plan, picture, outdated } = known(keyframe);
  const url = keyframe.image ? uploadUrl(project, keyframe.image) : picture ? pictureUrl(picture) : undefined;
  // What is read out besides the words on the card.
  const state = keyframe.image || plan?.state === "ready" ? "" : outdated ? ", changed since its picture" : ", no picture yet";
  const loras = lorasInWords(keyframe);
  const what = keyframe.prompt?.trim() || (keyframe.image ? "your picture" : "no prompt yet");
  return (
    <button
      type="button"
      data-strip=""
      draggable
      class={`keyframe-card ${over ? "drop-onto" : ""}`}
      aria-current={current ? "true" : undefined}
      tabIndex={reachable ? 0 : -1}
      onClick={onSelect}
      onFocus={(event) => event.currentTarget.matches(":focus-visible") && onSelect()}
      onDragOver={(event) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const file = fileOf(event);
        if (!file) return;
        event.preventDefault();
        event.stopPropagation();
        onFile(file);
      }}
    >
      <span class="visually-hidden">
        Keyframe {index + 1} of {count}:{" "}
      </span>
      <span class={`thumb ${outdated ? "outdated" : ""}`} aria-hidden="true">
        {url ? <img src={url} alt="" loading="lazy" draggable={false} /> : <Icon name="picture" />}
        <span class="place">{index + 1}</span>
        {outdated && <span class="badge">changed</span>}
      </span>
      <span class={keyframe.prompt?.trim() ? "excerpt" : "excerpt empty"}>{what}</span>
      <span class="facts">
        {keyframe.image ? "picture" : `seed ${keyframe.seed ?? "auto"}`}
        {keyframe.hold ? ` · rests ${keyframe.hold} s` : ""}
        {loras && ` · ${loras}`}
        <span class="visually-hidden">{state}</span>
      </span>
    </button>
  );
}
