/** How far each film frame is from the next, under the scrub bar: a jump is a peak. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Film, Motion } from "../api/types";

export function MotionGraph({ project, film }: { project: string; film: Film }) {
  const [motion, setMotion] = useState<Motion>();
  useEffect(() => {
    let current = true;
    setMotion(undefined);
    api.motion(project, film.number).then(
      (measured) => current && setMotion(measured),
      () => undefined,
    );
    return () => void (current = false);
  }, [project, film.number]);
  const path = useMemo(() => motion && pathOf(motion.steps), [motion]);
  if (!motion || !path) return <div class="motion-graph empty" />;
  const largest = Math.max(...motion.steps, 0);
  const mean = motion.steps.reduce((sum, step) => sum + step, 0) / Math.max(1, motion.steps.length);
  const ratio = mean > 0 ? largest / mean : 0;
  const words = `The largest step between two frames is ${ratio.toFixed(1)} times the mean.`;
  return (
    <svg class="motion-graph" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label={`Motion. ${words}`}>
      <title>{words}</title>
      <path d={path} />
    </svg>
  );
}

/** An area 1000 wide and 100 high, whose highest point is the largest step. */
export function pathOf(steps: readonly number[]): string {
  if (steps.length === 0) return "";
  const largest = Math.max(...steps) || 1;
  const width = 1000 / steps.length;
  const points = steps.map((step, index) => {
    const y = (100 - (step / largest) * 96).toFixed(1);
    return `L${(index * width).toFixed(1)} ${y}L${((index + 1) * width).toFixed(1)} ${y}`;
  });
  return `M0 100${points.join("")}L1000 100Z`;
}
