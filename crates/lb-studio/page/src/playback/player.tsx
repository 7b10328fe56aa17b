/** The film: playing in a loop, stepping by frames, and comparing two versions. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Film } from "../api/types";
import { IconButton } from "../controls/button";
import { clock } from "../controls/time";
import { MotionGraph } from "./motion-graph";

interface PlayerProps {
  project: string;
  film: Film;
  /** Another version to compare with. */
  other?: Film;
  side: "beside" | "wipe";
}

const DEFAULT_RATE = 30;
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function Player({ project, film, other, side }: PlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const second = useRef<HTMLVideoElement>(null);
  const [playing, setPlaying] = useState(!still());
  const [looping, setLooping] = useState(true);
  const [time, setTime] = useState(0);
  const [length, setLength] = useState(0);
  const [wipe, setWipe] = useState(50);
  const rate = film.seconds > 0 ? film.frames / film.seconds : DEFAULT_RATE;
  const moving = film.format === "mp4";

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    if (playing) void element.play().catch(() => setPlaying(false));
    else element.pause();
    if (second.current) {
      second.current.currentTime = element.currentTime;
      if (playing) void second.current.play().catch(() => undefined);
      else second.current.pause();
    }
  }, [playing, film.number, other?.number]);

  useEffect(() => {
    let frame = requestAnimationFrame(function tick() {
      const now = video.current?.currentTime ?? 0;
      setTime(now);
      const follower = second.current;
      if (follower && Math.abs(follower.currentTime - now) > 0.12) follower.currentTime = now;
      frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [film.number]);

  function seek(to: number): void {
    const bounded = Math.min(Math.max(0, to), Math.max(0, length - 0.5 / rate));
    for (const element of [video.current, second.current]) if (element) element.currentTime = bounded;
    setTime(bounded);
  }

  function step(by: number): void {
    setPlaying(false);
    video.current?.pause();
    seek((Math.round((video.current?.currentTime ?? 0) * rate - 0.5) + by + 0.5) / rate);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const onBar = (event.target as HTMLElement).matches("input, select, button");
    if (event.key === " " && !onBar) setPlaying(!playing);
    else if (event.key === "," || (event.key === "ArrowLeft" && !onBar)) step(-1);
    else if (event.key === "." || (event.key === "ArrowRight" && !onBar)) step(1);
    else return;
    event.preventDefault();
  }

  const frames = film.frames;
  const current = Math.min(frames, Math.floor(time * rate + 1e-3) + 1);
  return (
    <div class="player" onKeyDown={onKeyDown} tabIndex={-1}>
      <div class={`screens ${other ? side : "single"}`} style={{ "--wipe": `${wipe}%` }}>
        {moving ? (
          <video
            ref={video}
            key={film.number}
            src={film.url}
            aria-label="The film"
            muted
            playsInline
            autoPlay={playing}
            loop={looping}
            onLoadedMetadata={(event) => setLength(event.currentTarget.duration)}
            onEnded={() => setPlaying(false)}
            onClick={() => setPlaying(!playing)}
          />
        ) : (
          <img src={film.url} alt="The film" />
        )}
        {other && (
          <video ref={second} key={other.number} class="other" src={other.url} aria-label={`Version ${other.number}`} muted playsInline loop={looping} />
        )}
      </div>
      {other && side === "wipe" && (
        <label class="wipe-control">
          <span>Version {film.number}</span>
          <input type="range" aria-label="Where one version gives way to the other" min={0} max={100} value={String(wipe)} onInput={(event) => setWipe(Number(event.currentTarget.value))} />
          <span>Version {other.number}</span>
        </label>
      )}
      {moving && (
        <div class="transport">
          <IconButton icon={playing ? "pause" : "play"} label={playing ? "Pause" : "Play"} onClick={() => setPlaying(!playing)} />
          <IconButton icon="previous" label="One frame back (,)" onClick={() => step(-1)} />
          <IconButton icon="next" label="One frame on (.)" onClick={() => step(1)} />
          <div class="scrub">
            <input
              type="range"
              aria-label="Time"
              aria-valuetext={`${clock(time)}, frame ${current}`}
              min={0}
              max={length || 1}
              step={1 / rate}
              value={String(time)}
              onInput={(event) => {
                setPlaying(false);
                seek(Number(event.currentTarget.value) + 0.5 / rate);
              }}
            />
            <MotionGraph project={project} film={film} />
          </div>
          <output title="Frame">
            {current}/{frames}
          </output>
          <IconButton icon="loop" label="Loop" aria-pressed={looping} onClick={() => setLooping(!looping)} />
        </div>
      )}
    </div>
  );
}
