/** The tree of a transition, drawn live: steps downwards, fractions across, lit as far as it is computed. */

import { useMemo } from "preact/hooks";
import { linesOf, lit, type Reached, type Tree } from "./layout";
import "./tree.css";

interface TreeDrawingProps {
  tree: Tree;
  /** How far it is computed; nothing if it is not being computed. */
  reached?: Reached;
  complete: boolean;
}

const WIDTH = 300;
const HEIGHT = 132;
const MARGIN = { left: 22, right: 8, top: 8, bottom: 18 };

export function TreeDrawing({ tree, reached, complete }: TreeDrawingProps) {
  const lines = useMemo(() => linesOf(tree), [tree]);
  const across = (fraction: number) => MARGIN.left + fraction * (WIDTH - MARGIN.left - MARGIN.right);
  const down = (step: number) => MARGIN.top + (step / Math.max(1, tree.steps)) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const branches = tree.levels.at(-1)?.fractions.length ?? 0;
  const begins = tree.levels[1]?.start;
  return (
    <figure class="tree">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={describe(tree, branches)}>
        {tree.levels.map(({ start }, level) => (
          <g key={level} class="tree-level">
            <line x1={MARGIN.left} x2={WIDTH - MARGIN.right} y1={down(start)} y2={down(start)} />
            <text x={MARGIN.left - 7} y={down(start) + 3}>
              {start}
            </text>
          </g>
        ))}
        <text class="tree-steps" x={MARGIN.left - 7} y={down(tree.steps) + 3}>
          {tree.steps}
        </text>
        {lines.map((line, index) => (
          <line
            key={index}
            class="tree-branch"
            x1={across(line.start)}
            y1={down(line.from)}
            x2={across(line.end)}
            y2={down(line.to)}
          />
        ))}
        {lines.map((line, index) => {
          const share = complete ? 1 : reached ? lit(line, reached) : 0;
          if (share === 0) return null;
          return (
            <line
              key={index}
              class="tree-branch lit"
              x1={across(line.start)}
              y1={down(line.from)}
              x2={across(line.start + (line.end - line.start) * share)}
              y2={down(line.from + (line.to - line.from) * share)}
            />
          );
        })}
      </svg>
      <figcaption>
        {branches} branches in {tree.steps} steps{begins === undefined ? "" : `; blending begins at step ${begins}`}
      </figcaption>
    </figure>
  );
}

function describe({ steps, levels }: Tree, branches: number): string {
  const parts = levels.map(({ start, fractions }) => `${fractions.length} branches from step ${start}`);
  return `Tree of ${steps} steps and ${branches} branches: ${parts.join(", ")}`;
}
