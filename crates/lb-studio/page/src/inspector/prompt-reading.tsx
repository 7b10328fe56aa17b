/** How the model reads a prompt: its tokens, where its chunks begin, and what may not be meant so. */

import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { PromptReading as Reading } from "../api/types";
import { counted } from "../controls/time";
import { job, project } from "../session/open-project";

/** How long the page waits for more letters, in milliseconds. */
const AFTER = 250;
/** How many words of a chunk are shown. */
const WORDS = 5;

export function PromptReading({ id, prompt }: { id: string; prompt: string }) {
  const [read, setRead] = useState<Reading>();
  const { model } = job.value;
  const syntax = job.value.prompt_syntax as string | undefined;
  const embedding = job.value.embedding as string[] | undefined;
  const open = project.value;
  useEffect(() => {
    let current = true;
    if (!prompt.trim()) return setRead(undefined);
    const timer = setTimeout(() => {
      const given = {
        prompt,
        ...(model ? { model } : {}),
        ...(syntax ? { prompt_syntax: syntax } : {}),
        ...(embedding && open ? { embedding, project: open.id } : {}),
      };
      api.readPrompt(given).then(
        (reading) => current && setRead(reading),
        // The prompt is read all the same when it is rendered.
        () => current && setRead(undefined),
      );
    }, AFTER);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [prompt, model, syntax, embedding?.join("\n"), open?.id]);
  if (!read || !prompt.trim()) return <div id={id} class="prompt-reading" />;
  const { chunks, room, problem, warnings } = read;
  const tokens = chunks.reduce((sum, chunk) => sum + chunk.tokens, 0);
  return (
    <div id={id} class="prompt-reading">
      {chunks.length > 0 && (
        <div class="chunks">
          <span class="bars" aria-hidden="true">
            {chunks.map((chunk, index) => (
              <i key={index} style={{ "--share": String(chunk.tokens / room) }} />
            ))}
          </span>
          <span class="count">
            {chunks.length === 1 ? `${tokens} of ${room} tokens` : `${counted(tokens, "token")} in ${chunks.length} chunks`}
          </span>
        </div>
      )}
      {chunks.length > 1 && (
        <ol>
          {chunks.map((chunk, index) => (
            <li key={index}>
              <b>{chunk.tokens}</b> <span>{beginning(chunk.words)}</span>
            </li>
          ))}
        </ol>
      )}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {(warnings ?? []).map((warning) => (
        <p class="warning" key={warning}>
          {warning}
        </p>
      ))}
    </div>
  );
}

function beginning(words: string): string {
  const all = words.split(" ");
  return all.length > WORDS ? `${all.slice(0, WORDS).join(" ")} …` : words || "(empty)";
}
