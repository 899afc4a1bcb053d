// Operations on JSON: what is taken, what is refused, and that merging them keeps its promises.
import { describe, expect, it } from "vitest";
import { Editing } from "../src/editing.js";
import { equalJson } from "../src/equal-json.js";
import type { JsonOperation } from "../src/json-operation.js";
import { jsonType } from "../src/json-type.js";
import type { JsonValue } from "../src/json-value.js";
import { Pending } from "../src/pending.js";
import { forSeeds } from "./support/random.js";
import { randomJson, randomJsonOperation } from "./support/random-json.js";

const content: JsonValue = { list: ["a", "b", "c"], text: "one 😀", number: 1.5, rich: { ops: [{ insert: "rich\n" }] }, inner: { deep: null } };
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const check = (...operation: unknown[]): JsonOperation => jsonType.check(operation as unknown as JsonOperation, () => content, 0);
const applied = (...operation: unknown[]): JsonValue => jsonType.apply(content, check(...operation));
const rest = (changes: object): JsonValue => ({ ...(content as object), ...changes });

describe("a JSON operation", () => {
  const examples: [string, unknown, JsonValue, unknown][] = [
    ["inserts an item", { p: ["list", 3], li: { x: 1 } }, rest({ list: ["a", "b", "c", { x: 1 }] }), { p: ["list", 3], li: { x: 1 } }],
    ["deletes an item", { p: ["list", 0], ld: true }, rest({ list: ["b", "c"] }), { p: ["list", 0], ld: "a" }],
    ["replaces an item", { p: ["list", 1], ld: 0, li: null }, rest({ list: ["a", null, "c"] }), { p: ["list", 1], ld: "b", li: null }],
    ["moves an item", { p: ["list", 0], lm: 2 }, rest({ list: ["b", "c", "a"] }), { p: ["list", 0], lm: 2 }],
    ["sets a new member", { p: ["new"], oi: 1 }, rest({ new: 1 }), { p: ["new"], oi: 1 }],
    ["replaces a member, and tells what was there", { p: ["inner", "deep"], oi: [] }, rest({ inner: { deep: [] } }), { p: ["inner", "deep"], od: null, oi: [] }],
    ["deletes a member", { p: ["inner"], od: 1 }, { list: ["a", "b", "c"], text: "one 😀", number: 1.5, rich: { ops: [{ insert: "rich\n" }] } }, { p: ["inner"], od: { deep: null } }],
    ["replaces everything", { p: [], oi: [] }, [], { p: [], od: content, oi: [] }],
    ["adds to a number", { p: ["number"], na: -2 }, rest({ number: -0.5 }), { p: ["number"], na: -2 }],
    ["inserts into a text", { p: ["text", 3], si: "!" }, rest({ text: "one! 😀" }), { p: ["text", 3], si: "!" }],
    ["deletes from a text", { p: ["text"], t: "text0", o: [{ p: 4, d: "😀" }] }, rest({ text: "one " }), { p: ["text", 4], sd: "😀" }],
    ["edits rich text", { p: ["rich"], t: "rich-text", o: { ops: [{ retain: 4 }, { insert: "er", attributes: { bold: true } }] } },
      rest({ rich: { ops: [{ insert: "rich" }, { insert: "er", attributes: { bold: true } }, { insert: "\n" }] } }),
      { p: ["rich"], t: "rich-text", o: [{ retain: 4 }, { insert: "er", attributes: { bold: true } }] }],
  ];

  it.each(examples)("%s", (_name, component, expected, kept) => {
    const before = JSON.stringify(content);
    const operation = check(component);
    expect(operation).toEqual([kept]);
    expect(jsonType.apply(content, operation)).toEqual(expected);
    expect(JSON.stringify(content)).toBe(before);
    expect(jsonType.apply(expected, jsonType.invert(operation, () => content))).toEqual(content);
    expect(jsonType.decode(jsonType.encode(operation))).toEqual(operation);
  });

  it("has components that are made on what those before them have left", () => {
    expect(applied({ p: ["x"], oi: {} }, { p: ["x", "y"], oi: [1] }, { p: ["x", "y", 0], na: 2 })).toEqual(rest({ x: { y: [3] } }));
  });

  it("shares what it doesn't change with the content before", () => {
    const after = applied({ p: ["list", 0], ld: null }) as any;
    expect(after.inner).toBe((content as any).inner);
    expect(after.list).not.toBe((content as any).list);
  });

  it.each([
    ["no list", "nonsense"], ["no path", { oi: 1 }], ["nothing to do", { p: ["x"] }], ["two things to do", { p: ["x"], oi: 1, na: 1 }],
    ["an unknown member", { p: ["x"], oi: 1, why: 1 }], ["a wrong step", { p: [-1], oi: 1 }], ["a step that is no name", { p: [{}], oi: 1 }],
    ["__proto__ in the path", { p: ["__proto__"], oi: 1 }], ["__proto__ in the value", { p: ["x"], oi: JSON.parse('{"__proto__":1}') }],
    ["a value that isn't JSON", { p: ["x"], oi: Number.NaN }], ["a function", { p: ["x"], oi: () => 1 }], ["a hole in a list", { p: ["x"], oi: [1, undefined] }],
    ["half a surrogate pair", { p: ["x"], oi: "\uD83D" }], ["half a pair deleted", { p: ["text", 4], sd: "\uD83D" }],
    ["an item past the end", { p: ["list", 4], li: 1 }], ["a deletion past the end", { p: ["list", 3], ld: 1 }], ["a move past the end", { p: ["list", 0], lm: 3 }],
    ["an item of an object", { p: ["inner", 0], li: 1 }], ["a member of a list", { p: ["list", "0"], oi: 1 }], ["a member of nothing", { p: ["x", "y"], oi: 1 }],
    ["nothing to delete", { p: ["x"], od: 1 }], ["no document at all", { p: [], od: content }], ["a number that isn't one", { p: ["text"], na: 1 }],
    ["a number too large", { p: ["number"], na: Infinity }], ["a text that isn't one", { p: ["number", 0], si: "x" }], ["a text past its end", { p: ["text", 7], si: "x" }],
    ["another text deleted", { p: ["text", 0], sd: "two" }], ["no rich text", { p: ["inner"], t: "rich-text", o: [{ insert: "x" }] }],
    ["rich text past its end", { p: ["rich"], t: "rich-text", o: [{ delete: 6 }] }], ["an unknown subtype", { p: ["text"], t: "other", o: [] }],
    ["too deep a value", { p: ["x"], oi: Array.from({ length: 130 }).reduce((inner) => [inner], 1) }],
    ["too long a path", { p: Array.from({ length: 200 }, () => "x"), oi: 1 }],
  ])("with %s is refused", (_name, component) => {
    expect(() => check(component)).toThrow(RangeError);
  });

  it("of too many components is refused", () => {
    expect(() => jsonType.check(Array.from({ length: 10_001 }, () => ({ p: ["number"], na: 1 })), () => content, 0)).toThrow(RangeError);
  });

  it.each([["no JSON", "[{"], ["no list", "{}"], ["no components", "[1]"], ["no path", '[{"oi":1}]']])("that is %s is not read", (_name, text) => {
    expect(() => jsonType.decode(new TextEncoder().encode(text))).toThrow(/JSON|components/);
  });
});

describe("merging JSON", () => {
  it("composes as it applies in turn, and inverts", () => {
    forSeeds(500, (random) => {
      const start = randomJson(random);
      const first = randomJsonOperation(random, start);
      const middle = jsonType.apply(start, first);
      const second = randomJsonOperation(random, middle);
      const end = jsonType.apply(middle, second);
      expect(jsonType.apply(start, jsonType.compose(first, second)!)).toEqual(end);
      expect(jsonType.apply(middle, jsonType.invert(first, () => start))).toEqual(start);
    });
  });

  it("undoes everything to the beginning, and redoes it to the end", () => {
    forSeeds(100, (random) => {
      const start = randomJson(random);
      const pending = new Pending(jsonType, 0, bytes(start), 0);
      const editing = new Editing(pending, { steps: 1_000, pause_ms: 1_000 });
      for (let step = 0; step < 20; step++) {
        if (random.chance(0.8)) editing.submit(randomJsonOperation(random, pending.content), undefined, step * random.below(3_000));
        else if (random.chance(0.5)) editing.turn("undo");
        else if (pending.launch()) editing.acknowledge(pending.inFlight!);
      }
      while (editing.canRedo) editing.turn("redo");
      const end = pending.content;
      while (editing.canUndo) editing.turn("undo");
      expect(pending.content).toEqual(start);
      while (editing.canRedo) editing.turn("redo");
      expect(pending.content).toEqual(end);
    });
  });

  const edited = (operation: unknown): { pending: Pending<JsonOperation, JsonValue>; editing: Editing<JsonOperation, JsonValue> } => {
    const pending = new Pending(jsonType, 0, bytes(content), 0);
    const editing = new Editing(pending, { steps: 10, pause_ms: 1_000 });
    editing.submit([operation] as unknown as JsonOperation, undefined, 0);
    pending.launch();
    editing.acknowledge(pending.inFlight!);
    return { pending, editing };
  };

  it("an undo leaves what somebody else has set since", () => {
    const { pending, editing } = edited({ p: ["number"], oi: 2 });
    editing.receive([{ p: ["number"], od: 2, oi: 3 }], 1);
    expect([editing.turn("undo"), pending.content]).toEqual([undefined, rest({ number: 3 })]);
  });

  it("an undo of an addition leaves what others have added", () => {
    const { pending, editing } = edited({ p: ["number"], na: 10 });
    editing.receive([{ p: ["number"], na: 5 }], 1);
    editing.turn("undo");
    expect(pending.content).toEqual(rest({ number: 6.5 }));
  });

  it("an undo of what was typed leaves what others typed within", () => {
    const { pending, editing } = edited({ p: ["text", 0], si: "mine" });
    editing.receive([{ p: ["text", 2], si: "YOURS" }], 1);
    editing.turn("undo");
    expect(pending.content).toEqual(rest({ text: "YOURSone 😀" }));
    editing.turn("redo");
    expect(pending.content).toEqual(rest({ text: "miYOURSneone 😀" }));
  });

  it("own edits for which others have left no place are passed over until the server refuses them", () => {
    const pending = new Pending(jsonType, 0, bytes({ a: {} }), 0);
    pending.submit(pending.check([{ p: ["a", "b"], oi: 1 }]));
    pending.launch();
    // Not as this client would write it: it doesn't say what it replaces.
    pending.receive([{ p: ["a"], oi: 5 }], 1);
    expect(pending.content).toEqual({ a: 5 });
    pending.withdraw();
    expect([pending.content, pending.unsaved]).toEqual([{ a: 5 }, 0]);
  });

  it("is a compare of values, not of how they are written", () => {
    expect(equalJson({ a: 1, b: [0] }, { b: [-0], a: 1 })).toBe(true);
  });
});
