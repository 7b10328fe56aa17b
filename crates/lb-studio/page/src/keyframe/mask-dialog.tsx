/** Painting the mask of an inpainting film: what is painted is repainted by the model. */

import { useEffect, useRef, useState } from "preact/hooks";
import { uploadUrl } from "../api/client";
import { Button } from "../controls/button";
import { Dialog } from "../controls/dialog";
import { editFilm, filmSetting } from "../job/edits";
import { announce } from "../session/notices";
import { edit, job } from "../session/open-project";
import { upload } from "./pictures";

interface Point {
  x: number;
  y: number;
}

export function MaskDialog({ project, onClose }: { project: string; onClose(): void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<Point | null>(null);
  const [brush, setBrush] = useState(12);
  const [erasing, setErasing] = useState(false);
  const [cursor, setCursor] = useState<Point>({ x: 50, y: 50 });
  const [size, setSize] = useState<{ width: number; height: number }>();
  const [saving, setSaving] = useState(false);
  const image = filmSetting(job.value, "inpaint", "image") as string | undefined;
  const mask = filmSetting(job.value, "inpaint", "mask") as string | undefined;

  // Another window can take the picture away.
  useEffect(() => {
    if (!image) onClose();
  }, [image]);

  // What was painted before is taken up: the white of the mask becomes paint.
  useEffect(() => {
    if (!size || !mask) return;
    const picture = new Image();
    picture.onload = () => {
      const context = canvas.current?.getContext("2d");
      if (!context) return;
      context.drawImage(picture, 0, 0, size.width, size.height);
      const pixels = context.getImageData(0, 0, size.width, size.height);
      for (let at = 0; at < pixels.data.length; at += 4) {
        pixels.data[at + 3] = pixels.data[at]!;
        pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = 255;
      }
      context.putImageData(pixels, 0, 0);
    };
    picture.src = uploadUrl(project, mask);
  }, [size]);

  /** A point in per cent of the picture. */
  function pointOf(event: PointerEvent): Point {
    const box = canvas.current!.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * 100, y: ((event.clientY - box.top) / box.height) * 100 };
  }

  function paint(from: Point, to: Point): void {
    const context = canvas.current?.getContext("2d");
    if (!context || !size) return;
    context.globalCompositeOperation = erasing ? "destination-out" : "source-over";
    context.strokeStyle = "#fff";
    context.lineCap = "round";
    context.lineWidth = (brush / 100) * Math.max(size.width, size.height);
    context.beginPath();
    context.moveTo((from.x / 100) * size.width, (from.y / 100) * size.height);
    context.lineTo((to.x / 100) * size.width + 0.01, (to.y / 100) * size.height);
    context.stroke();
  }

  function onKeyDown(event: KeyboardEvent): void {
    const by = { ArrowLeft: [-3, 0], ArrowRight: [3, 0], ArrowUp: [0, -3], ArrowDown: [0, 3] }[event.key];
    if (by) {
      const to = { x: clamp(cursor.x + by[0]!), y: clamp(cursor.y + by[1]!) };
      if (event.shiftKey) paint(cursor, to);
      setCursor(to);
    } else if (event.key === " ") paint(cursor, cursor);
    else return;
    event.preventDefault();
  }

  async function save(): Promise<void> {
    if (!size) return;
    setSaving(true);
    const whole = document.createElement("canvas");
    whole.width = size.width;
    whole.height = size.height;
    const context = whole.getContext("2d")!;
    context.fillStyle = "#000";
    context.fillRect(0, 0, size.width, size.height);
    context.drawImage(canvas.current!, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => whole.toBlob(resolve, "image/png"));
    const path = blob && (await upload(blob));
    setSaving(false);
    if (!path) return;
    edit("mask", (job) => editFilm(job, "inpaint", "mask", path));
    announce("The mask is saved.");
    onClose();
  }

  if (!image) return null;
  return (
    <Dialog title="Paint what is to be repainted" class="wide" onClose={onClose}>
      <div class="mask-tools">
        <Button look="quiet" icon="brush" aria-pressed={!erasing} onClick={() => setErasing(false)}>
          Paint
        </Button>
        <Button look="quiet" icon="close" aria-pressed={erasing} onClick={() => setErasing(true)}>
          Erase
        </Button>
        <label>
          Brush
          <input type="range" min={2} max={40} value={String(brush)} onInput={(event) => setBrush(Number(event.currentTarget.value))} />
        </label>
        <Button look="quiet" icon="reset" onClick={() => canvas.current?.getContext("2d")?.clearRect(0, 0, size?.width ?? 0, size?.height ?? 0)}>
          Clear
        </Button>
      </div>
      <div class="mask-area">
        <img
          src={uploadUrl(project, image)}
          alt="The picture that is partly repainted"
          onLoad={(event) => setSize({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
        />
        {size && (
          <canvas
            ref={canvas}
            width={size.width}
            height={size.height}
            tabIndex={0}
            role="img"
            aria-label="Mask. Arrow keys move the brush, Shift with them paints a line, Space paints a dot."
            onKeyDown={onKeyDown}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              const point = pointOf(event);
              last.current = point;
              setCursor(point);
              paint(point, point);
            }}
            onPointerMove={(event) => {
              const point = pointOf(event);
              if (last.current) paint(last.current, point);
              if (last.current) last.current = point;
              setCursor(point);
            }}
            onPointerUp={() => (last.current = null)}
            onPointerCancel={() => (last.current = null)}
          />
        )}
        <i class="mask-cursor" style={{ left: `${cursor.x}%`, top: `${cursor.y}%`, width: `${brush}%` }} aria-hidden="true" />
      </div>
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" disabled={!size || saving} onClick={() => void save()}>
          Use this mask
        </Button>
      </footer>
    </Dialog>
  );
}

const clamp = (value: number) => Math.min(100, Math.max(0, value));
