/** Own pictures as keyframes. */

import { api } from "../api/client";
import { actions } from "../film-strip/actions";
import { editKeyframe } from "../job/edits";
import { announce, attempt, notify } from "../session/notices";
import { edit, project } from "../session/open-project";
import { studio } from "../session/studio";

/** Uploads a picture into the open project and gives its path in the job. */
export async function upload(picture: Blob): Promise<string | undefined> {
  const open = project.peek();
  const most = studio.peek()?.limits.upload_bytes ?? Infinity;
  if (!open) return undefined;
  if (picture.size > most) {
    notify(`A picture may have at most ${Math.round(most / 1e6)} MB.`, "problem");
    return undefined;
  }
  return (await attempt(api.upload(open.id, picture)))?.path;
}

export async function replaceByPicture(picture: Blob, index: number): Promise<void> {
  const image = await upload(picture);
  if (!image) return;
  edit(`replace ${image}`, (job) => editKeyframe(job, index, { image, image_sha256: undefined }));
  announce(`Keyframe ${index + 1} is now your picture.`);
}

export async function insertPicture(picture: Blob, index: number): Promise<void> {
  const image = await upload(picture);
  if (image) actions.insert(index, { image });
}
