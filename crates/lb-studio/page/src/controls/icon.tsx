/** The page's icons: strokes on a grid of 20 by 20. */

const PATHS = {
  add: "M10 4v12M4 10h12",
  back: "M12 4l-6 6 6 6",
  brush: "M4 16c3 0 4-1 4-3l7-8 1 1-8 7c0 3-2 4-4 3Z",
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  columns: "M4 4h5v12H4zM11 4h5v12h-5z",
  copy: "M7 7h9v9H7zM4 13V4h9",
  dice: "M4 4h12v12H4zM7.5 7.5h.01M12.5 7.5h.01M10 10h.01M7.5 12.5h.01M12.5 12.5h.01",
  download: "M10 3v9M6 8.5l4 4 4-4M4 16h12",
  film: "M3 5h14v10H3zM7 5v10M13 5v10M3 10h4M13 10h4",
  first: "M5 4v12M15 4l-7 6 7 6z",
  heart: "M10 16.5S3.5 12.6 3.5 8A3.4 3.4 0 0 1 10 6.6 3.4 3.4 0 0 1 16.5 8c0 4.600-6.500 8.500-6.500 8.500Z",
  left: "M12 4l-6 6 6 6",
  loop: "M5 8a5 5 0 0 1 9-1.500L15.500 8M15.500 4v4h-4M15 12a5 5 0 0 1-9 1.500L4.500 12M4.500 16v-4h4",
  more: "M4.500 10h.01M10 10h.01M15.500 10h.01",
  next: "M6 4l7 6-7 6zM15 4v12",
  pause: "M7 4v12M13 4v12",
  picture: "M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.500h.01",
  play: "M6 4l10 6-10 6z",
  previous: "M14 4l-7 6 7 6zM5 4v12",
  queue: "M4 5h12M4 10h12M4 15h7",
  redo: "M15 8H8a4 4 0 0 0 0 8h3M15 8l-3.500-3.500M15 8l-3.500 3.500",
  reset: "M4.500 10a5.500 5.500 0 1 0 2-4.200M4.500 3.500v3h3",
  right: "M8 4l6 6-6 6",
  split: "M3 4h14v12H3zM10 2v16",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.600L14 6",
  undo: "M5 8h7a4 4 0 0 1 0 8H9M5 8l3.500-3.500M5 8l3.500 3.500",
  up: "M4 12l6-6 6 6",
  upload: "M10 13V4M6 7.500l4-4 4 4M4 16h12",
  down: "M4 8l6 6 6-6",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, filled }: { name: IconName; filled?: boolean }) {
  return (
    <svg class={filled ? "icon filled" : "icon"} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
