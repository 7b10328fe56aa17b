/** A bar that shows how far a task is. */

import type { Task } from "../api/types";
import { shareOf } from "./words";

export function Progress({ task, slim }: { task: Task; slim?: boolean }) {
  const share = shareOf(task);
  return (
    <span
      class={`progress ${slim ? "slim" : ""} ${task.state}`}
      role="progressbar"
      aria-label={task.title}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <i style={{ "--share": String(share) }} />
    </span>
  );
}
