/**
 * Other pictures of a keyframe's prompt. They are the results of tasks, so that they are still there after a
 * reload.
 */

import { useState } from "preact/hooks";
import { api, pictureUrl } from "../api/client";
import type { Act, Candidate, Favourite, Keyframe, Task } from "../api/types";
import { Button, IconButton } from "../controls/button";
import { editKeyframe, filmSetting, randomSeed } from "../job/edits";
import { announce, attempt } from "../session/notices";
import { edit, flush, job, keyframes, known, project, start } from "../session/open-project";
import { arrived, isActive, tasks } from "../session/studio";

interface CandidatesProps {
  keyframe: Keyframe;
  index: number;
  model: string | undefined;
}

/** How many pictures are looked at in one go. */
const AT_ONCE = 4;
/** How far "more like this" goes from the picture, from 0 to 1. */
const VARIATION = 0.35;

/** What, with a prompt, determines a picture. */
type Noise = Pick<Candidate, "seed" | "variation"> & { picture?: string | null };

const nameOfNoise = ({ seed, variation }: Noise) =>
  variation ? `seed ${seed} varied by ${variation.seed}` : `seed ${seed}`;

export function Candidates({ keyframe, index, model }: CandidatesProps) {
  const [onlyFavourites, setOnlyFavourites] = useState(false);
  const open = project.value!;
  const prompt = keyframe.prompt?.trim() ?? "";
  const found = tasks.value.filter((task) => task.project === open.id && isAbout(task, prompt));
  const busy = found.some(isActive);
  const latest = found.at(-1);
  const favourites = open.favourites.filter((favourite) => favourite.prompt === prompt);
  const tiles: readonly Noise[] = onlyFavourites
    ? favourites
    : (latest?.result?.pictures ?? (latest ? arriving(latest) : []));
  const expected = latest && isActive(latest) ? countOf(latest.act) : 0;
  const { picture } = known(keyframe);

  function look(act: Act): void {
    setOnlyFavourites(false);
    void start(act);
  }
  const negative = (keyframe.negative_prompt ?? filmSetting(job.value, "defaults", "negative_prompt")) as string | undefined;
  const lora = keyframe.lora as string[] | undefined;
  const about = { ...(negative ? { negative_prompt: negative } : {}), ...(model ? { model } : {}), ...(lora ? { lora } : {}) };
  const seeds = () =>
    look({
      kind: "seeds",
      prompt,
      ...about,
      seeds: Array.from({ length: AT_ONCE }, randomSeed),
    });

  function choose({ seed, variation }: Noise): void {
    const noise = { seed, variation_seed: variation?.seed, variation_strength: variation?.strength };
    edit(`seed of ${index}`, (job) => editKeyframe(job, index, noise));
    announce(`Keyframe ${index + 1} has seed ${seed} now.`);
    void flush().then(() => {
      const chosen = keyframes.peek()[index];
      if (chosen && known(chosen).plan?.state !== "ready") void start({ kind: "keyframe", index });
    });
  }

  async function keep(favourite: Favourite): Promise<void> {
    const kept = open.favourites.some((other) => isSame(other, favourite));
    const list = kept ? open.favourites.filter((other) => !isSame(other, favourite)) : [...open.favourites, favourite];
    project.value = { ...open, favourites: list };
    await attempt(api.patchProject(open.id, { favourites: list }));
  }

  const favouriteOf = ({ seed, variation, picture }: Noise): Favourite => ({
    prompt,
    seed,
    ...(variation ? { variation } : {}),
    ...(picture ? { picture } : {}),
    ...(model ? { model } : {}),
  });
  const isKept = (noise: Noise) => open.favourites.some((other) => isSame(other, favouriteOf(noise)));
  const current: Noise | undefined =
    keyframe.seed === undefined
      ? undefined
      : {
          seed: keyframe.seed,
          picture,
          variation:
            keyframe.variation_seed === undefined
              ? undefined
              : { seed: keyframe.variation_seed, strength: keyframe.variation_strength ?? 0 },
        };

  return (
    <section class="candidates" aria-label="Other pictures of this prompt">
      <div class="candidates-head">
        <Button icon="dice" disabled={!prompt || busy} onClick={seeds}>
          {tiles.length ? `${AT_ONCE} others` : `${AT_ONCE} other pictures`}
        </Button>
        <Button
          look="quiet"
          disabled={!picture || busy || keyframe.seed === undefined}
          onClick={() =>
            look({ kind: "variations", prompt, seed: keyframe.seed ?? 0, ...about, count: AT_ONCE, strength: VARIATION })
          }
        >
          More like this
        </Button>
        {current && prompt && (
          <IconButton
            icon="heart"
            filled={isKept(current)}
            aria-pressed={isKept(current)}
            label={isKept(current) ? "No longer a favourite" : "Keep as a favourite"}
            onClick={() => void keep(favouriteOf(current))}
          />
        )}
        {favourites.length > 0 && (
          <Button look="quiet" aria-pressed={onlyFavourites} onClick={() => setOnlyFavourites(!onlyFavourites)}>
            Favourites ({favourites.length})
          </Button>
        )}
      </div>
      {(tiles.length > 0 || expected > 0) && (
        <ul class="tiles">
          {tiles.map((candidate) => {
            const chosen = current !== undefined && nameOfNoise(candidate) === nameOfNoise(current);
            return (
              <li key={nameOfNoise(candidate)}>
                <button
                  type="button"
                  class="tile"
                  aria-pressed={chosen}
                  aria-label={`Use ${nameOfNoise(candidate)}`}
                  onClick={() => choose(candidate)}
                >
                  {candidate.picture ? <img src={pictureUrl(candidate.picture)} alt="" /> : <span class="tile-seed">{String(candidate.seed)}</span>}
                </button>
                <IconButton
                  class="small keep"
                  icon="heart"
                  filled={isKept(candidate)}
                  aria-pressed={isKept(candidate)}
                  label={`Keep ${nameOfNoise(candidate)} as a favourite`}
                  onClick={() => void keep(favouriteOf(candidate))}
                />
              </li>
            );
          })}
          {Array.from({ length: Math.max(0, expected - tiles.length) }, (_, at) => (
            <li key={`expected ${at}`} class="tile expected" aria-hidden="true" />
          ))}
        </ul>
      )}
    </section>
  );
}

const isSame = (a: Favourite, b: Favourite) => a.prompt === b.prompt && nameOfNoise(a) === nameOfNoise(b);

/** The pictures of a running task that are there. The seeds of variations are known only at its end. */
function arriving({ id, act }: Task): Noise[] {
  const { seeds } = act.kind === "seeds" ? act : { seeds: [] };
  return (arrived.value.get(id) ?? []).flatMap(({ index, picture }) => {
    const seed = seeds[index];
    return seed === undefined ? [] : [{ seed, picture }];
  });
}

function isAbout({ act, state }: Task, prompt: string): boolean {
  const about = act.kind === "seeds" || act.kind === "variations";
  return about && act.prompt.trim() === prompt && state !== "failed" && state !== "cancelled";
}

const countOf = (act: Act) => (act.kind === "seeds" ? act.seeds.length : act.kind === "variations" ? act.count : 0);
