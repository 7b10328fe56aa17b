/** The stage when a keyframe is selected: its picture, and other pictures of the same prompt. */

import { pictureUrl, uploadUrl } from "../api/client";
import { FileButton, PICTURES } from "../controls/files";
import { Icon } from "../controls/icon";
import { job, keyframes, known, project, selectedIndex, start } from "../session/open-project";
import { activeTasks } from "../session/studio";
import { Candidates } from "./candidates";
import { insertPicture, replaceByPicture } from "./pictures";
import "./keyframe.css";

export function KeyframeView() {
  const index = selectedIndex.value;
  const keyframe = keyframes.value[index];
  if (!keyframe) return null;
  const { picture, outdated } = known(keyframe);
  const open = project.value!;
  const url = keyframe.image ? uploadUrl(open.id, keyframe.image) : picture ? pictureUrl(picture) : undefined;
  const working = activeTasks.value.some(
    ({ project, act, state }) => project === open.id && state === "running" && act.kind === "keyframe" && act.index === index,
  );
  const prompt = keyframe.prompt?.trim();
  return (
    <div class="keyframe-view">
      <div class={`keyframe-picture ${outdated && !keyframe.image ? "outdated" : ""} ${working ? "working" : ""}`}>
        {url ? (
          <img src={url} alt={prompt || "Your picture"} />
        ) : (
          <div class="keyframe-empty">
            <Icon name="picture" />
            {prompt ? (
              <>
                <p>No picture yet.</p>
                <button type="button" class="button plain" onClick={() => void start({ kind: "keyframe", index })}>
                  <span>Show it</span>
                </button>
              </>
            ) : (
              <>
                <p>Say what the picture shows, or take one of your own.</p>
                <FileButton label="Choose a picture" icon="upload" accept={PICTURES} onFile={(file) => void replaceByPicture(file, index)} />
              </>
            )}
          </div>
        )}
        {outdated && !keyframe.image && <span class="badge">changed since this picture</span>}
        {working && <span class="shimmer" aria-hidden="true" />}
      </div>
      {!keyframe.image && <Candidates key={prompt} keyframe={keyframe} index={index} model={job.value.model} />}
    </div>
  );
}

/** The stage of a film without keyframes. */
export function NoKeyframes() {
  return (
    <div class="film-view unmade">
      <Icon name="picture" />
      <h2>Begin with a picture</h2>
      <p>Add a keyframe to the strip below, or drop a picture there.</p>
      <FileButton label="Choose a picture" icon="upload" accept={PICTURES} onFile={(file) => void insertPicture(file, 0)} />
    </div>
  );
}
