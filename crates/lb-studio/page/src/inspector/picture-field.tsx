/** A picture that belongs to the whole film: what is repainted, or a depth map. */

import { uploadUrl } from "../api/client";
import { IconButton } from "../controls/button";
import { FileButton, PICTURES } from "../controls/files";
import { editFilm, filmSetting } from "../job/edits";
import { upload } from "../keyframe/pictures";
import { edit, job, project } from "../session/open-project";

export function PictureField({ table, field, label }: { table: string; field: string; label: string }) {
  const path = filmSetting(job.value, table, field) as string | undefined;
  const set = (value: string | undefined) => edit(`${table}.${field}`, (job) => editFilm(job, table, field, value));
  return (
    <div class="picture-field">
      {path && <img src={uploadUrl(project.value!.id, path)} alt={label} />}
      <FileButton
        label={path ? "Another picture" : label}
        icon="upload"
        accept={PICTURES}
        onFile={(file) => void upload(file).then((uploaded) => uploaded && set(uploaded))}
      />
      {path && <IconButton icon="trash" label="Remove the picture" onClick={() => set(undefined)} />}
    </div>
  );
}

export function DepthField() {
  return (
    <fieldset class="pictures-of-film">
      <legend>Depth</legend>
      <PictureField table="depth" field="image" label="A map of what is near and far" />
      <p class="help">Bright parts of the map are near, dark parts are far. The whole film follows it.</p>
    </fieldset>
  );
}
