/** Frames that are shown one after another, as soon as they are computed. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { pictureUrl } from "../api/client";
import type { FramePlan } from "../api/types";
import { IconButton } from "../controls/button";
import { evenly } from "./evenly";

interface FlipbookProps {
  frames: readonly FramePlan[];
  seconds: number;
  label: string;
}

/** More frames than these are not told apart in what is only a preview. */
const MOST_FRAMES = 100;

const moves = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;

export function Flipbook({ frames: all, seconds, label }: FlipbookProps) {
  const frames = useMemo(() => evenly(all, MOST_FRAMES), [all]);
  const [{ at, step }, setPosition] = useState({ at: 0, step: 1 });
  const [playing, setPlaying] = useState(moves);
  const count = frames.length;
  const last = Math.max(0, count - 1);
  const shown = Math.min(at, last);
  // The one that follows is loaded while this one is looked at; at either end, the way turns back.
  const next = shown + step < 0 || shown + step > last ? shown - step : shown + step;
  const rendered = [...new Set([shown, next])].filter((index) => frames[index]);

  useEffect(() => {
    if (!playing || count < 2) return;
    const begun = performance.now() - (shown / count) * seconds * 1000;
    let current = shown;
    let frame = requestAnimationFrame(function tick(now) {
      // There and back, so that it never jumps.
      const phase = ((now - begun) / 1000 / seconds) % 2;
      const index = Math.round((phase < 1 ? phase : 2 - phase) * (count - 1));
      if (index !== current) setPosition({ at: index, step: phase < 1 ? 1 : -1 });
      current = index;
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, count, seconds]);

  return (
    <div class="flipbook">
      <div class="picture-frame" role="img" aria-label={`${label}, frame ${shown + 1} of ${count}`}>
        {rendered.map((index) => (
          <img
            key={`${index} ${frames[index]!.picture}`}
            class={index === shown ? "shown" : "hidden"}
            src={pictureUrl(frames[index]!.picture)}
            alt=""
            decoding="sync"
          />
        ))}
      </div>
      <div class="transport">
        <IconButton icon={playing ? "pause" : "play"} label={playing ? "Pause" : "Play"} onClick={() => setPlaying(!playing)} />
        <input
          type="range"
          aria-label="Frame"
          min={0}
          max={last}
          value={String(shown)}
          onInput={(event) => {
            setPlaying(false);
            setPosition({ at: Number(event.currentTarget.value), step: 1 });
          }}
        />
        <output>
          {count ? shown + 1 : 0}/{count}
        </output>
      </div>
    </div>
  );
}
