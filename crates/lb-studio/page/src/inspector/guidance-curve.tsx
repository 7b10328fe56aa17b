/** The guidance scale along a transition. */

/**
 * The guidance scale at a fraction between two keyframes: on the straight line between their scales, of which
 * the damper leaves a share in the middle.
 */
export function guidanceAt(scales: readonly [number, number], damper: number, fraction: number): number {
  const scale = scales[0] + (scales[1] - scales[0]) * fraction;
  const kept = 1 - (1 - damper) * (1 - Math.abs(2 * fraction - 1));
  return 1 + (scale - 1) * kept;
}

const POINTS = 41;

export function GuidanceCurve({ scales, damper }: { scales: [number, number]; damper: number }) {
  const values = Array.from({ length: POINTS }, (_, at) => guidanceAt(scales, damper, at / (POINTS - 1)));
  const top = Math.max(...values, 1.5);
  const points = values.map((value, at) => `${(at / (POINTS - 1)) * 300},${38 - ((value - 1) / (top - 1)) * 34}`);
  const middle = guidanceAt(scales, damper, 0.5);
  const words = `Guidance ${round(scales[0])} at the first keyframe, ${round(middle)} in the middle, ${round(scales[1])} at the second`;
  return (
    <svg class="guidance-curve" viewBox="0 0 300 40" preserveAspectRatio="none" role="img" aria-label={words}>
      <title>{words}</title>
      <polyline points={points.join(" ")} />
    </svg>
  );
}

const round = (value: number) => Math.round(value * 100) / 100;
