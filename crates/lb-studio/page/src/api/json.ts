/** JSON in which whole numbers stay exact: a seed may have 64 bits. */

interface Source {
  source?: string;
}

interface ExactJson {
  rawJSON?(text: string): unknown;
}

/** Reads JSON; a whole number beyond the exact ones becomes a `bigint`, where the browser can tell. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, function (_key, value: unknown, context?: Source) {
    const exact =
      typeof value !== "number" || Number.isSafeInteger(value) || !context?.source || !/^-?\d+$/.test(context.source);
    return exact ? value : BigInt(context.source!);
  } as (key: string, value: unknown) => unknown);
}

/** Writes JSON, in which a `bigint` is a number. */
export function toJson(value: unknown): string {
  const raw = (JSON as ExactJson).rawJSON;
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "bigint" ? (raw ? raw.call(JSON, item.toString()) : Number(item)) : item,
  );
}

/** Whether two values are the same JSON, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  return a === b || toJson(sorted(a)) === toJson(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
