/** Text fields that take over what was typed only when they are left. */

const MARK = "uncommitted";

/** Attributes of such a field, by which the keyboard's undo leaves what is typed to the field. */
export const commitsLate = {
  onInput: (event: Event) => ((event.currentTarget as HTMLElement).dataset[MARK] = ""),
  onBlur: (event: Event) => delete (event.currentTarget as HTMLElement).dataset[MARK],
};

/** Fields whose own undo is meant: those of texts, and others that are being typed in. */
export const UNCOMMITTED = `textarea, .project-name, .prompts input, #within, [data-${MARK}]`;
