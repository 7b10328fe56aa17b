/** Which of a transition's frames the strip shows. */

import type { FramePlan } from "../api/types";

/**
 * The picture of each of `count` equal parts of a transition: that of the frame which is nearest to the part's
 * middle. While frames are missing, a part in which there is none stays empty.
 */
export function slotsOf(frames: readonly FramePlan[], count: number, complete: boolean): (string | undefined)[] {
  return Array.from({ length: count }, (_, slot) => {
    const middle = (slot + 0.5) / count;
    const near = complete ? frames : frames.filter(({ fraction }) => Math.abs(fraction - middle) <= 0.5 / count);
    return near.reduce<FramePlan | undefined>(
      (best, frame) => (!best || Math.abs(frame.fraction - middle) < Math.abs(best.fraction - middle) ? frame : best),
      undefined,
    )?.picture;
  });
}
