/**
 * A text field that takes over what was typed only when it is left, or with Enter. Until then what is typed belongs
 * to the field: nothing that is drawn again around it, as frames arrive, changes it.
 */

import type { InputHTMLAttributes } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { notify } from "../session/notices";
import { selection } from "../session/open-project";

type Attributes = Omit<InputHTMLAttributes, "type" | "role" | "value" | "onInput" | "onChange" | "onBlur">;

interface LateInputProps extends Attributes {
  type?: "text" | "number";
  value: string;
  /** Takes what was typed, if it is valid. */
  onCommit(text: string): void;
}

export function LateInput({ type, value, onCommit, ...field }: LateInputProps) {
  const [typed, setTyped] = useState<string>();
  const selected = selection.value;
  // What is being typed for one keyframe is not for another that is selected in its place.
  useLayoutEffect(() => setTyped(undefined), [selected.kind === "film" ? "" : selected.name]);
  function commit(input: HTMLInputElement): void {
    setTyped(undefined);
    if (input.validity.valid) onCommit(input.value);
    else notify(`${input.labels?.[0]?.textContent ?? "This field"}: ${input.validationMessage}`, "problem");
  }
  return (
    <input
      {...field}
      type={type as "number"}
      value={typed ?? value}
      data-uncommitted={typed === undefined ? undefined : ""}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onChange={(event) => commit(event.currentTarget)}
      onBlur={() => setTyped(undefined)}
    />
  );
}

/** Fields whose own undo is meant: those of texts, and others that are being typed in. */
export const UNCOMMITTED = "textarea, .project-name, .prompts input, #within, [data-uncommitted]";
