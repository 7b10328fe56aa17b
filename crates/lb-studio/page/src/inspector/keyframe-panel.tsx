/** The settings of the selected keyframe. */

import { useEffect, useRef } from "preact/hooks";
import type { Keyframe } from "../api/types";
import { Button, IconButton } from "../controls/button";
import { FileButton, PICTURES } from "../controls/files";
import { LateInput } from "../controls/late-input";
import { actions } from "../film-strip/actions";
import { editKeyframe, filmSetting, nameOf, randomSeed } from "../job/edits";
import { replaceByPicture } from "../keyframe/pictures";
import { edit, job, keyframes, known, selectedIndex, start } from "../session/open-project";
import { modelNamed } from "../session/studio";
import { KeyframeLoras } from "./add-ons";
import { CostLine } from "./cost-line";
import { costOfKeyframe } from "./cost";
import { PromptReading } from "./prompt-reading";
import { settingNamed, SettingRow, SettingsGroup, type Bound } from "./settings-group";

/** The settings of `[defaults]` that describe a keyframe, in the order of the panel. */
const KEYS = ["negative_prompt", "guidance_scale"];
/** The settings of the camera that a keyframe can have as well, with one value each. */
const CAMERA = {
  zoom: "How many times larger the picture is than what the film shows of it. Left open, it is on the way between other keyframes.",
  pan: "Where the camera looks, to the right and down: 0,0 is the middle, and -1 and 1 are the edges.",
  rotation: "Degrees by which the picture is turned clockwise.",
};

export function KeyframePanel() {
  const index = selectedIndex.value;
  const keyframe = keyframes.value[index];
  const prompt = useRef<HTMLTextAreaElement>(null);
  const empty = keyframe !== undefined && !keyframe.prompt && !keyframe.image;
  useEffect(() => {
    if (empty && !prompt.current?.value) prompt.current?.focus({ preventScroll: true });
  }, [index, empty]);
  if (!keyframe) return null;

  const count = keyframes.value.length;
  const { plan } = known(keyframe);
  const set = (key: string, value: unknown) => edit(`${key} of ${index}`, (job) => editKeyframe(job, index, { [key]: value }));
  const setSeed = (seed: Keyframe["seed"]) =>
    edit(`seed of ${index}`, (job) =>
      editKeyframe(job, index, { seed, variation_seed: undefined, variation_strength: undefined }),
    );
  const bind = (key: string): Bound[] => {
    const setting = settingNamed("defaults", key);
    if (!setting) return [];
    const model = modelNamed(job.value.model)?.defaults as Record<string, unknown> | undefined;
    const inherited = filmSetting(job.value, "defaults", key) ?? model?.[key] ?? setting.default;
    return [{ setting, value: keyframe[key], inherited, onChange: (value) => set(key, value) }];
  };
  const hold = bind("hold")[0];
  const camera = Object.entries(CAMERA).flatMap(([key, help]): Bound[] => {
    const setting = settingNamed("camera", key);
    if (!setting) return [];
    const type = key === "pan" ? "text" : "number";
    return [{ setting: { ...setting, help, type }, value: keyframe[key], onChange: (value) => set(key, value) }];
  });

  return (
    <>
      <div class="prompt-field">
        <label for="prompt">{keyframe.image ? "What your picture shows (optional)" : "What the picture shows"}</label>
        <textarea
          // A field of its own for each keyframe, so that its undo never brings back the text of another.
          key={nameOf(keyframe)}
          ref={prompt}
          id="prompt"
          aria-describedby="prompt-reading"
          rows={3}
          maxLength={10000}
          placeholder="a red apple on a blue background"
          value={keyframe.prompt ?? ""}
          onInput={(event) => set("prompt", event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey) return;
            event.preventDefault();
            if (event.currentTarget.value.trim()) void start({ kind: "keyframe", index });
          }}
        />
        <PromptReading id="prompt-reading" prompt={keyframe.prompt ?? ""} />
      </div>
      {keyframe.image ? (
        <div class="row">
          <FileButton label="Another picture" icon="upload" accept={PICTURES} onFile={(file) => void replaceByPicture(file, index)} />
          <Button
            look="quiet"
            onClick={() =>
              edit(`picture of ${index}`, (job) =>
                editKeyframe(job, index, { image: undefined, image_sha256: undefined, seed: keyframe.seed ?? randomSeed() }),
              )
            }
          >
            Use the prompt instead
          </Button>
        </div>
      ) : (
        <>
          {plan?.state !== "ready" && (
            <div class="act">
              <Button
                icon="picture"
                disabled={!keyframe.prompt?.trim()}
                onClick={() => void start({ kind: "keyframe", index })}
              >
                Show the picture
              </Button>
              <CostLine cost={keyframe.prompt?.trim() ? costOfKeyframe(plan) : undefined} />
            </div>
          )}
          <div class="setting">
            <div class="setting-head">
              <label for="seed">Seed</label>
              <span class="setting-value">
                <LateInput
                  id="seed"
                  class="short"
                  inputMode="numeric"
                  pattern="\s*[0-9]{1,20}\s*"
                  aria-describedby="seed-help"
                  value={keyframe.seed === undefined ? "" : String(keyframe.seed)}
                  placeholder="automatic"
                  onCommit={(typed) => {
                    const text = typed.trim();
                    const exact = text === "" ? undefined : Number(text);
                    setSeed(exact === undefined || Number.isSafeInteger(exact) ? exact : BigInt(text));
                  }}
                />
                <IconButton icon="dice" label="Another seed" onClick={() => setSeed(randomSeed())} />
              </span>
            </div>
            <p class="help" id="seed-help">
              Every seed is another picture of the same words.
            </p>
          </div>
        </>
      )}
      <KeyframeLoras keyframe={keyframe} index={index} />
      {hold && <SettingRow {...hold} />}
      <SettingsGroup title="More about this picture" settings={KEYS.flatMap(bind)} />
      <SettingsGroup title="Camera" settings={camera} />
      {!keyframe.image && (
        <FileButton label="Use a picture of my own" look="quiet" icon="upload" accept={PICTURES} onFile={(file) => void replaceByPicture(file, index)} />
      )}
      <div class="toolbar" role="group" aria-label={`Keyframe ${index + 1}`}>
        <IconButton icon="left" label="Move to the left (Alt+←)" disabled={index === 0} onClick={() => actions.move(index, index - 1)} />
        <IconButton icon="right" label="Move to the right (Alt+→)" disabled={index === count - 1} onClick={() => actions.move(index, index + 1)} />
        <IconButton icon="add" label="Insert a keyframe after it (Insert)" onClick={() => actions.insert(index + 1)} />
        <IconButton icon="copy" label="Duplicate (Ctrl+D)" onClick={() => actions.duplicate(index)} />
        <IconButton icon="trash" label="Remove (Delete)" onClick={() => actions.remove(index)} />
      </div>
    </>
  );
}
