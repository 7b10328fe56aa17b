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
