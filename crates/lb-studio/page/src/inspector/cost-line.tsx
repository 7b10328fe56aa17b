/** What an act computes, what of it is there, and how long it takes. */

import type { Cost } from "./cost";

export function CostLine({ cost }: { cost: Cost | undefined }) {
  if (!cost) return null;
  return <p class="cost">{[cost.computes, cost.there, cost.takes].filter(Boolean).join(" · ")}</p>;
}
