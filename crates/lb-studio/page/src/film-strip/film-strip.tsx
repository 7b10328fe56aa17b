/** The film strip: keyframes as cards, and between them the transitions. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../controls/icon";
import { fileOf, hasFiles } from "../controls/files";
import { nameOf, transitionCount } from "../job/edits";
import { announce } from "../session/notices";
import { job, keyframes, project, selectedIndex, selection, type Selection } from "../session/open-project";
import { insertPicture, replaceByPicture } from "../keyframe/pictures";
import { actions } from "./actions";
import { KeyframeCard } from "./keyframe-card";
import { TransitionCard } from "./transition-card";
import "./film-strip.css";

export function FilmStrip() {
  const list = useRef<HTMLOListElement>(null);
  const [drop, setDrop] = useState<number | null>(null);
  const dragged = useRef<number | null>(null);
  const all = keyframes.value;
  const transitions = transitionCount(job.value);
  const selected = selection.value;

  useEffect(() => {
    const item = list.current?.querySelector<HTMLElement>("[aria-current]");
    item?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [selected, all.length]);

  function onKeyDown(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (!target.matches("[data-strip]")) return;
    const index = selectedIndex.peek();
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const to = index + (event.key === "ArrowLeft" ? -1 : 1);
      if (selected.kind === "keyframe" && actions.move(index, to)) focusSelected();
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      step(target, event.key === "ArrowRight" ? 1 : -1);
    } else if (event.key === "Home" || event.key === "End") {
      const items = stripItems();
      items[event.key === "Home" ? 0 : items.length - 1]?.focus();
    } else if (selected.kind === "keyframe" && (event.key === "Delete" || event.key === "Backspace")) {
      actions.remove(index);
      focusSelected();
    } else if (command && event.key.toLowerCase() === "d" && selected.kind === "keyframe") {
      actions.duplicate(index);
      focusSelected();
    } else if (event.key === "Insert" || (event.key === "+" && !command)) {
      actions.insert(index + 1);
    } else return;
    event.preventDefault();
  }

  const stripItems = () => [...(list.current?.querySelectorAll<HTMLElement>("[data-strip]") ?? [])];
  function step(from: HTMLElement, by: number): void {
    const items = stripItems();
    items[items.indexOf(from) + by]?.focus();
  }
  function focusSelected(): void {
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>("[aria-current]")?.focus());
  }

  /** The place into which something is dropped at this point, from 0 to the number of keyframes. */
  function placeAt(x: number): number {
    const cards = [...(list.current?.querySelectorAll(".keyframe-item") ?? [])];
    const at = cards.findIndex((card) => {
      const box = card.getBoundingClientRect();
      return x < box.left + box.width / 2;
    });
    return at < 0 ? cards.length : at;
  }

  function onDragOver(event: DragEvent): void {
    if (dragged.current === null && !hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    setDrop(placeAt(event.clientX));
  }

  function onDrop(event: DragEvent): void {
    event.preventDefault();
    event.stopPropagation();
    setDrop(null);
    const place = placeAt(event.clientX);
    const file = fileOf(event);
    const from = dragged.current;
    if (from !== null) actions.move(from, place > from ? place - 1 : place);
    else if (file) void insertPicture(file, place);
  }

  const select = (to: Selection) => (selection.value = to);
  return (
    <section class="film-strip" aria-label="Film strip">
      <ol
        ref={list}
        onKeyDown={onKeyDown}
        onDragOver={onDragOver}
        onDragLeave={(event) => !list.current?.contains(event.relatedTarget as Node) && setDrop(null)}
        onDrop={onDrop}
      >
        {all.map((keyframe, index) => {
          const name = nameOf(keyframe);
          const current = selected.kind === "keyframe" && selected.name === name;
          const first = index === 0 && selected.kind === "film";
          return [
            <li
              key={name}
              class={`keyframe-item ${drop === index ? "drop-before" : ""}`}
              onDragStart={(event) => {
                dragged.current = index;
                event.dataTransfer!.effectAllowed = "move";
                event.dataTransfer!.setData("text/plain", keyframe.prompt ?? "");
              }}
              onDragEnd={() => {
                dragged.current = null;
                setDrop(null);
              }}
            >
              <KeyframeCard
                project={project.value!.id}
                keyframe={keyframe}
                index={index}
                count={all.length}
                current={current}
                reachable={current || first}
                onSelect={() => select({ kind: "keyframe", name })}
                onFile={(file) => void replaceByPicture(file, index)}
              />
            </li>,
            index < transitions && (
              <li key={`${name}>`} class="transition-item">
                <TransitionCard
                  index={index}
                  keyframe={keyframe}
                  to={(index + 1) % all.length}
                  current={selected.kind === "transition" && selected.name === name}
                  onSelect={() => select({ kind: "transition", name })}
                />
                {index + 1 < all.length && (
                  <button
                    type="button"
                    class="insert"
                    tabIndex={-1}
                    aria-label={`Insert a keyframe between ${index + 1} and ${index + 2}`}
                    title="Insert a keyframe here"
                    onClick={() => actions.insert(index + 1)}
                  >
                    <Icon name="add" />
                  </button>
                )}
              </li>
            ),
          ];
        })}
        <li class={`add-item ${drop === all.length ? "drop-before" : ""}`}>
          <button type="button" class="add" onClick={() => (actions.insert(all.length), announce("Added a keyframe."))}>
            <Icon name="add" />
            <span>Add</span>
          </button>
        </li>
      </ol>
    </section>
  );
}
