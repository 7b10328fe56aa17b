/** Frames that are shown one after another, as soon as they are computed. */

import { useEffect, useState } from "preact/hooks";
import { pictureUrl } from "../api/client";
import type { FramePlan } from "../api/types";
import { IconButton } from "../controls/button";

interface FlipbookProps {
  frames: readonly FramePlan[];
  seconds: number;
  label: string;
}

const moves = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

export function Flipbook({ frames, seconds, label }: FlipbookProps) {
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(moves);
  const count = frames.length;
  const shown = Math.min(at, Math.max(0, count - 1));

  useEffect(() => {
    if (!playing || count < 2) return;
    const begun = performance.now() - (shown / count) * seconds * 1000;
    let frame = requestAnimationFrame(function tick(now) {
      // There and back, so that it never jumps.
      const phase = ((now - begun) / 1000 / seconds) % 2;
      setAt(Math.round((phase < 1 ? phase : 2 - phase) * (count - 1)));
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, count, seconds]);

  return (
    <div class="flipbook">
      <div class="picture-frame" role="img" aria-label={`${label}, frame ${shown + 1} of ${count}`}>
        {frames.map(({ fraction, picture }, index) => (
          <img key={`${fraction} ${picture}`} class={index === shown ? "shown" : "hidden"} src={pictureUrl(picture)} alt="" />
        ))}
      </div>
      <div class="transport">
        <IconButton icon={playing ? "pause" : "play"} label={playing ? "Pause" : "Play"} onClick={() => setPlaying(!playing)} />
        <input
          type="range"
          aria-label="Frame"
          min={0}
          max={Math.max(0, count - 1)}
          value={String(shown)}
          onInput={(event) => {
            setPlaying(false);
            setAt(Number(event.currentTarget.value));
          }}
        />
        <output>
          {count ? shown + 1 : 0}/{count}
        </output>
      </div>
    </div>
  );
}
