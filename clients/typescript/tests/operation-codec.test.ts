import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import { equalJson } from "../src/equal-json.js";
import { canonical, decodeOperation, encodeOperation, MalformedOperationError, reorder } from "../src/operation-codec.js";
import { forSeeds, randomEdit, randomInsert } from "./support/random.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const text = (value: string): string => hex(new TextEncoder().encode(value));

describe("the binary form", () => {
  const examples: [string, Delta, string][] = [
    ["nothing", new Delta(), ""],
    ["a text", new Delta().insert("Hi"), `12 ${text("Hi")}`],
    ["a retain before a text", new Delta().retain(5).insert("é"), `28 12 ${text("é")}`],
    ["a delete", new Delta().delete(3), "19"],
    ["a long retain", new Delta().retain(300).delete(1), "e012 09"],
    [
      "docs/operations.md",
      new Delta().retain(2).insert("hi", { bold: true }).delete(1),
      "10 16 0d 7b 22 62 6f 6c 64 22 3a 74 72 75 65 7d 68 69 09",
    ],
    ["attributes", new Delta().insert("x", { bold: true }), `0e 0d ${text('{"bold":true}')} ${text("x")}`],
    ["formatting", new Delta().retain(2, { bold: null }), `14 0d ${text('{"bold":null}')}`],
    ["an embed", new Delta().insert({ image: "u" }), `03 0d ${text('{"image":"u"}')}`],
    ["a change of an embed", new Delta().retain({ formula: 1 }), `0b 0d ${text('{"formula":1}')}`],
    ["an embed with attributes", new Delta().insert({ a: 1 }, { b: 2 }), `07 07 ${text('{"b":2}')} 07 ${text('{"a":1}')}`],
  ];

  it.each(examples)("of %s is as documented", (_name, delta, expected) => {
    expect(hex(encodeOperation(delta))).toBe(expected.replaceAll(" ", ""));
    expect(decodeOperation(bytes(expected))).toEqual(delta);
  });

  it("gives back what was put in", () => {
    forSeeds(300, (random) => {
      const content = new Delta();
      for (let count = random.below(20); count > 0; count--) randomInsert(random, content);
      const edit = canonical(randomEdit(random, content));
      expect(decodeOperation(encodeOperation(edit))).toEqual(edit);
      expect(decodeOperation(encodeOperation(content))).toEqual(content);
    });
  });

  it("holds the longest lengths there are", () => {
    const delta = new Delta().retain(0x7fff_ffff).delete(1);
    expect(decodeOperation(encodeOperation(delta))).toEqual(delta);
  });

  it("keeps a byte order mark, which is text like any other", () => {
    const delta = new Delta().insert("\uFEFFa");
    expect(decodeOperation(encodeOperation(delta))).toEqual(delta);
  });

  it("is read with neighbours merged, and an insert behind a delete left there", () => {
    // "a", "b", retain 1, retain 2, delete 1, "c", retain 9
    const delta = decodeOperation(bytes(`0a ${text("a")} 0a ${text("b")} 08 10 09 0a ${text("c")} 48`));
    expect(delta.ops).toEqual([{ insert: "ab" }, { retain: 3 }, { delete: 1 }, { insert: "c" }]);
    expect(reorder(delta).ops).toEqual([{ insert: "ab" }, { retain: 3 }, { insert: "c" }, { delete: 1 }]);
  });

  const malformed: [string, string][] = [
    ["a retain of 0", "00"],
    ["a text of 0 bytes", "02"],
    ["a delete of 0", "01"],
    ["a delete with attributes", `0d 02 ${text("{}")}`],
    ["an embed of an unknown kind", `13 02 ${text("{}")}`],
    ["a header cut short", "80"],
    ["a header of six bytes", "808080808001"],
    ["a length over 31 bits", "80808080 40"],
    ["a text cut short", `1a ${text("ab")}`],
    ["a text that is not UTF-8", "12 c328"],
    ["half a surrogate pair in UTF-8", "1a eda080"],
    ["attributes cut short", "0c 05 7b7d"],
    ["attributes that are not JSON", `0c 02 ${text("{x")}`],
    ["attributes that are no object", `0c 02 ${text("[]")}`],
    ["an embed that is null", `03 04 ${text("null")}`],
    ["an embed without its length", "03"],
    ["a change of an embed of two types", `0b 0d ${text('{"a":1,"b":2}')}`],
  ];

  it.each(malformed)("is refused with %s", (_name, given) => {
    expect(() => decodeOperation(bytes(given))).toThrow(MalformedOperationError);
  });

  it("never fails on any bytes in another way than as malformed", () => {
    forSeeds(3000, (random) => {
      const given = encodeOperation(canonical(randomEdit(random, new Delta().insert("some text"))));
      for (let count = random.below(3); count >= 0 && given.length > 0; count--) given[random.below(given.length)] = random.below(256);
      try {
        const delta = decodeOperation(given);
        canonical(delta);
        expect(decodeOperation(encodeOperation(delta))).toEqual(delta);
      } catch (error) {
        if (!(error instanceof MalformedOperationError)) throw error;
      }
    });
  });
});

const nested = (depth: number): object => (depth === 1 ? {} : { a: nested(depth - 1) });

describe("an edit", () => {
  it("may nest 32 deep", () => {
    expect(canonical({ ops: [{ insert: "a", attributes: nested(32) as never }] }).length()).toBe(1);
  });

  const refused: [string, unknown][] = [
    ["half a surrogate pair", [{ insert: "a\uD83D" }]],
    ["half a surrogate pair in an attribute", [{ insert: "a", attributes: { x: "\uDE00" } }]],
    ["half a surrogate pair in the name of an attribute", [{ insert: "a", attributes: { "\uDE00": 1 } }]],
    ["a negative length", [{ retain: -1 }]],
    ["a broken length", [{ delete: 1.5 }]],
    ["an endless length", [{ retain: Infinity }]],
    ["a length over 31 bits", [{ retain: 2 ** 31 }]],
    ["two things in one component", [{ insert: "a", delete: 1 }]],
    ["nothing in a component", [{}]],
    ["a number for a text", [{ insert: 5 }]],
    ["an array for an embed", [{ insert: [1] }]],
    ["null for an embed", [{ insert: null }]],
    ["a change of an embed of two types", [{ retain: { a: 1, b: 2 } }]],
    ["attributes nested 33 deep", [{ insert: "a", attributes: nested(33) }]],
    ["a delete with attributes", [{ delete: 1, attributes: { a: 1 } }]],
    ["a function in an attribute", [{ retain: 1, attributes: { a: () => 1 } }]],
    ["undefined inside an attribute", [{ retain: 1, attributes: { a: { b: undefined } } }]],
    ["an array for attributes", [{ retain: 1, attributes: [1] }]],
    ["not a number in an attribute", [{ retain: 1, attributes: { a: NaN } }]],
    ["the name __proto__ in an attribute", [{ retain: 1, attributes: JSON.parse('{"__proto__":1}') }]],
    ["the name of what every object has in an attribute", [{ retain: 1, attributes: { constructor: 1 } }]],
    ["an embed that contains itself", [{ insert: (() => { const a: Record<string, unknown> = {}; return (a["a"] = a); })() }]],
  ];

  it.each(refused)("with %s is refused with a RangeError", (_name, ops) => {
    expect(() => canonical({ ops: ops as never })).toThrow(RangeError);
  });

  it("is brought into canonical form and copied", () => {
    const attributes = { bold: true };
    const given = { ops: [{ retain: 2 }, { delete: 1 }, { insert: "a", attributes }, { insert: "b", attributes: { bold: true, color: undefined } }, { retain: 0 }, { retain: 4 }] };
    const edit = canonical(given);
    attributes.bold = false;
    expect(edit.ops).toEqual([{ retain: 2 }, { insert: "ab", attributes: { bold: true } }, { delete: 1 }]);
  });
});

it("JSON values are equal whatever the order of their keys", () => {
  expect(equalJson({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1, { b: null }] })).toBe(true);
  for (const other of [{ a: [1] }, { a: 1 }, { b: undefined, a: [1, 2] }, [1, 2], null, { a: { 0: 1, 1: 2 } }])
    expect(equalJson({ a: [1, 2] }, other)).toBe(false);
});
