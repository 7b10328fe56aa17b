import { expect, it } from "vitest";
import { parseJson, toJson } from "./json";

it("reads and writes what any JSON is", () => {
  const text = '{"seed":7,"strength":0.25,"name":"9007199254740993","list":[1,null,true]}';
  expect(toJson(parseJson(text))).toBe(text);
});

it("gives a large whole number as the nearest number where the engine does not tell its digits", () => {
  const seed = (parseJson('{"seed":18446744073709551615}') as { seed: number | bigint }).seed;
  expect(String(seed)).toMatch(/^1844674407370955(1615|2000)$/);
});
