/** Films, pictures and job files that become projects again. */

import { api } from "../api/client";
import { attempt, notify } from "../session/notices";
import { show } from "../session/open-project";

/** Opens the job that a file contains, as a new project. */
export async function importFile(file: File): Promise<void> {
  const made = await attempt(api.importProject(file));
  if (!made) return;
  show(made);
  location.hash = `#/project/${made.id}`;
  notify(`Opened ${file.name} as a new film.`);
  for (const sentence of made.left_out ?? []) notify(sentence, "problem");
}
