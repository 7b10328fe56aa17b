import { expect, it } from "vitest";
import { parseJson, sameJson, toJson } from "./json";

it("reads and writes what any JSON is", () => {
  const text = '{"seed":7,"strength":0.25,"name":"9007199254740993","list":[1,null,true]}';
  expect(toJson(parseJson(text))).toBe(text);
});

it("gives a large whole number as the nearest number where the engine does not tell its digits", () => {
  const seed = (parseJson('{"seed":18446744073709551615}') as { seed: number | bigint }).seed;
  expect(String(seed)).toMatch(/^1844674407370955(1615|2000)$/);
});

it("compares values without regard to the order of keys, but to that of lists", () => {
  expect(sameJson({ a: 1, b: [{ c: 2, d: 3n }] }, { b: [{ d: 3n, c: 2 }], a: 1 })).toBe(true);
  expect(sameJson([1, 2], [2, 1])).toBe(false);
  expect(sameJson({ a: 1 }, { a: 1, b: null })).toBe(false);
});
