import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import { Content } from "../src/content.js";
import { canonical, decodeOperation, encodeOperation } from "../src/operation-codec.js";
import { Pending } from "../src/pending.js";
import { plainText, richText } from "../src/rich-text.js";
import { forSeeds, randomEdit, randomInsert } from "./support/random.js";

const doc = (text: string): Delta => new Delta().insert(text);
const pendingWith = (content: Delta, version = 7, type = richText) => new Pending(type, version, encodeOperation(content), 0);
const pendingOn = (text: string, type = "rich-text") => pendingWith(doc(text), 7, type === "text" ? plainText : richText);
const submit = (pending: Pending<Delta, Delta>, delta: Delta): Delta => {
  const operation = pending.check(delta);
  pending.submit(operation);
  return operation;
};

describe("pending edits", () => {
  it("are one in flight and the rest composed behind it", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().insert("1"));
    expect(pending.launch()).toBe(true);
    submit(pending, new Delta().retain(1).insert("2"));
    submit(pending, new Delta().retain(2).insert("3"));
    expect(pending.launch()).toBe(false);
    expect(pending.inFlight).toEqual(new Delta().insert("1"));
    expect(pending.operations).toEqual([new Delta().insert("1"), new Delta().retain(1).insert("23")]);
    expect([pending.unsaved, pending.sequence, pending.version, pending.length]).toEqual([3, 1, 7, 6]);
    expect(pending.content).toEqual(doc("123abc"));
  });

  it("stand behind a committed insert at the same place", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().retain(1).insert("mine"));
    expect(pending.receive(new Delta().retain(1).insert("theirs"), 1)).toEqual(new Delta().retain(1).insert("theirs"));
    expect(pending.content).toEqual(doc("atheirsminebc"));
    expect(pending.version).toBe(8);
  });

  it("stand where they would, had what was composed into one come one by one", () => {
    const inTurn = pendingOn("ab");
    submit(inTurn, new Delta().retain(1).insert("X"));
    inTurn.receive(new Delta().retain(2).insert("Y"), 1);
    inTurn.receive(new Delta().delete(2), 1);
    const atOnce = pendingOn("ab");
    submit(atOnce, new Delta().retain(1).insert("X"));
    atOnce.receive(decodeOperation(new Uint8Array([0x11, 0x0a, 0x59])), 2);
    expect([inTurn.content, atOnce.content]).toEqual([doc("XY"), doc("XY")]);
    expect(atOnce.version).toBe(9);
  });

  it("leave nothing to send when they undo each other", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().insert("x"));
    submit(pending, new Delta().delete(1));
    expect(pending.unsaved).toBe(0);
    expect(pending.launch()).toBe(false);
  });

  it("leave nothing to send when others did the same", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().delete(1));
    expect(pending.receive(new Delta().delete(1), 1).ops).toEqual([]);
    expect(pending.unsaved).toBe(0);
  });

  it("are still acknowledged when nothing is left of what is in flight", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().delete(1));
    pending.launch();
    pending.receive(new Delta().delete(1), 1);
    expect(pending.unsaved).toBe(1);
    expect(pending.acknowledge(new Delta())).toBeUndefined();
    expect([pending.unsaved, pending.version, pending.content]).toEqual([0, 9, doc("bc")]);
  });

  it("are taken back exactly when what is in flight is refused, and what was typed after it stays", () => {
    const pending = pendingOn("abcdef");
    submit(pending, new Delta().retain(1).insert("BAD", { bold: true }).retain(2, { color: "red" }).delete(1));
    pending.launch();
    submit(pending, new Delta().retain(3).delete(1).insert("x"));
    const seen = pending.content;
    const { edit, change } = pending.withdraw();
    expect(edit.operation.ops[1]).toEqual({ insert: "BAD", attributes: { bold: true } });
    expect(pending.content).toEqual(doc("axbcdef"));
    expect(seen.compose(change)).toEqual(pending.content);
    expect([pending.unsaved, pending.version]).toEqual([1, 7]);
  });

  it("follow the server where it merged differently", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().insert("12"));
    pending.launch();
    submit(pending, new Delta().retain(5).insert("3"));
    const seen = pending.content;
    const { change, committedChange } = pending.acknowledge(new Delta().retain(1).insert("12"))!;
    expect(pending.content).toEqual(doc("a12bc3"));
    expect(seen.compose(change).compose(committedChange!)).toEqual(pending.content);
    expect([pending.unsaved, pending.version]).toEqual([1, 8]);
  });

  it("that are large are not composed into one that no server takes", () => {
    const pending = pendingOn("");
    for (let count = 0; count < 10; count++) submit(pending, new Delta().insert("x".repeat(20_000)));
    expect(pending.operations.map((operation) => operation.length())).toEqual([60_000, 60_000, 60_000, 20_000]);
    expect(pending.length).toBe(200_000);
  });

  const refused: [string, string, Delta][] = [
    ["past the end", "rich-text", new Delta().retain(4).insert("x")],
    ["delete past the end", "rich-text", new Delta().delete(4)],
    ["format plain text", "text", new Delta().retain(1, { bold: true })],
    ["insert formatted text into plain text", "text", new Delta().insert("a", { bold: true })],
    ["insert an embed into plain text", "text", new Delta().insert({ image: "u" })],
    ["hold half a surrogate pair", "rich-text", new Delta().insert("\uD83D")],
  ];

  it.each(refused)("that would %s are refused and change nothing", (_name, type, delta) => {
    const pending = pendingOn("abc", type);
    submit(pending, new Delta().delete(1).insert("z"));
    expect(() => submit(pending, delta)).toThrow(RangeError);
    expect([pending.content, pending.unsaved]).toEqual([doc("zbc"), 1]);
  });

  it("that cut a pending surrogate pair in two are refused and change nothing", () => {
    const pending = pendingOn("");
    submit(pending, new Delta().insert("😀"));
    expect(() => submit(pending, new Delta().retain(1).delete(1))).toThrow(RangeError);
    expect(pending.content).toEqual(doc("😀"));
  });

  it("are not touched by a committed operation that doesn't fit", () => {
    const pending = pendingOn("abc");
    submit(pending, new Delta().insert("x"));
    expect(() => pending.receive(new Delta().retain(9).insert("y"), 1)).toThrow(RangeError);
    expect([pending.content, pending.version]).toEqual([doc("xabc"), 7]);
  });

  it("may change embeds, the committed change having priority", () => {
    const pending = pendingWith(new Delta().insert({ card: 1 }, { bold: true }));
    submit(pending, new Delta().retain({ card: 2 }));
    submit(pending, new Delta().retain(1, { bold: null }));
    expect(pending.content).toEqual(new Delta().insert({ card: 2 }));
    expect(pending.receive(new Delta().retain({ card: 3 }), 1)).toEqual(new Delta().retain({ card: 3 }));
    expect(pending.content).toEqual(new Delta().insert({ card: 3 }));
  });

  it("may not change embeds for which the application has a rule that the server doesn't have", () => {
    Delta.registerEmbed<number>("count", { compose: (a, b) => a + b, invert: (a) => -a, transform: (_a, b) => b });
    try {
      const pending = pendingWith(new Delta().insert({ count: 1 }));
      expect(() => submit(pending, new Delta().retain({ count: 4 }))).toThrow(RangeError);
      expect(pending.unsaved).toBe(0);
    } finally {
      Delta.unregisterEmbed("count");
    }
  });

  it("a snapshot must hold nothing but inserts", () => {
    expect(() => pendingWith(new Delta().insert("a").retain(1, { b: 1 }))).toThrow(RangeError);
  });

  it("keep what the editor shows equal to the content, whatever comes", () => {
    forSeeds(200, (random) => {
      const start = new Delta();
      for (let count = random.below(10); count > 0; count--) randomInsert(random, start);
      let committed = canonical(start);
      const pending = pendingWith(committed, 0);
      let editor = committed;
      for (let step = 0; step < 60; step++) {
        if (random.chance(0.5)) {
          const edit = submit(pending, randomEdit(random, editor));
          editor = editor.compose(edit);
        } else if (random.chance(0.6)) {
          const theirs = canonical(randomEdit(random, committed));
          committed = committed.compose(theirs);
          editor = editor.compose(pending.receive(theirs, 1));
        } else if (!pending.launch() && pending.inFlight !== undefined) {
          if (random.chance(0.2)) {
            editor = editor.compose(pending.withdraw().change);
          } else {
            const own = random.chance(0.8) ? pending.inFlight : canonical(randomEdit(random, committed));
            committed = committed.compose(own);
            const replaced = pending.acknowledge(own);
            if (replaced) editor = editor.compose(replaced.change).compose(replaced.committedChange!);
          }
        }
        expect(editor).toEqual(pending.content);
        expect(editor.length()).toBe(pending.length);
      }
      for (const operation of pending.operations) committed = committed.compose(operation);
      expect(committed).toEqual(editor);
    });
  });
});

it("content composed late is the same as composed at once", () => {
  forSeeds(50, (random) => {
    let expected = new Delta().insert("start");
    const content = new Content(expected);
    for (let step = 0; step < 100; step++) {
      const edit = canonical(randomEdit(random, expected));
      expected = expected.compose(edit);
      content.append(edit);
      if (random.chance(0.1)) expect(content.content).toEqual(expected);
    }
    expect(content.content).toEqual(expected);
  });
});
