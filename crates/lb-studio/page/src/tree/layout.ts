/** Where the lines of a tree's drawing lie: steps downwards, fractions across. */

import type { Level } from "../api/types";

export interface Tree {
  steps: number;
  levels: Level[];
}

/** A branch within one level, or the way from a parent to its child. */
export interface Line {
  level: number;
  /** The steps at which it begins and ends; both are the same for the way from a parent. */
  from: number;
  to: number;
  /** The fractions at which it begins and ends. */
  start: number;
  end: number;
}

/**
 * The lines of a tree. A level's branches go on from those of the level above at the same fractions, and begin
 * between the two neighbours of which they are mixed.
 */
export function linesOf({ steps, levels }: Tree): Line[] {
  const lines: Line[] = [];
  levels.forEach(({ start, fractions }, level) => {
    const to = levels[level + 1]?.start ?? steps;
    const above = levels[level - 1]?.fractions;
    for (const fraction of fractions) {
      if (above && !above.some((other) => same(other, fraction))) {
        for (const parent of neighbours(above, fraction)) {
          lines.push({ level, from: start, to: start, start: parent, end: fraction });
        }
      }
      lines.push({ level, from: start, to, start: fraction, end: fraction });
    }
  });
  return lines;
}

/** How far a tree is computed: all levels above `level`, and of this one the steps up to `step`. */
export interface Reached {
  level: number;
  step: number;
}

/** The part of a line that is computed, as a share from 0 to 1. */
export function lit(line: Line, reached: Reached): number {
  if (line.level !== reached.level) return line.level < reached.level ? 1 : 0;
  if (line.from === line.to) return 1;
  return Math.min(1, Math.max(0, (reached.step - line.from) / (line.to - line.from)));
}

const same = (a: number, b: number) => Math.abs(a - b) < 1e-6;

function neighbours(fractions: number[], fraction: number): number[] {
  const left = Math.max(...fractions.filter((other) => other < fraction));
  const right = Math.min(...fractions.filter((other) => other > fraction));
  return [left, right].filter(Number.isFinite);
}
