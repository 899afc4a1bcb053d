// What undo and redo do, step by step: the merging alone, and a client before a server in memory.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import type { ChangeOrigin, Selection } from "../src/api.js";
import { Editing } from "../src/editing.js";
import { ErrorCode, Retry } from "../src/generated/cloudsync/v1/frame_pb.js";
import { encodeOperation } from "../src/operation-codec.js";
import { Pending } from "../src/pending.js";
import { richText } from "../src/rich-text.js";
import { Undo } from "../src/undo.js";
import { insert, useStage } from "./support/stage.js";

const remove = (count: number, at = 0): Delta => new Delta().retain(at).delete(count);
const doc = (text: string): Delta => new Delta().insert(text);

/** One user's edits, each acknowledged at once unless the test says otherwise. */
class Desk {
  readonly editing: Editing<Delta, Delta>;
  now = 0;
  selection: Selection | undefined;

  constructor(content: Delta, steps = 100) {
    const pending = new Pending(richText, 0, encodeOperation(content), 0);
    this.editing = new Editing(pending, { steps, pause_ms: 1_000 });
  }

  get content(): Delta {
    return this.editing.pending.content;
  }

  /** An edit, `pause_ms` after the one before. */
  edit(delta: Delta, pause_ms = 5_000): void {
    this.now += pause_ms;
    this.editing.submit(delta, this.selection, this.now);
  }

  save(): void {
    while (this.editing.pending.launch()) this.editing.acknowledge(this.editing.pending.inFlight!);
  }

  receive(delta: Delta): void {
    this.editing.receive(delta, 1);
  }

  undo(): Selection | undefined | false {
    const turned = this.editing.turn("undo");
    return turned ? turned.selection : false;
  }

  redo(): Selection | undefined | false {
    const turned = this.editing.turn("redo");
    return turned ? turned.selection : false;
  }
}

describe("undo", () => {
  it("has no step for an edit that changed nothing, such as making bold what is bold", () => {
    const bold = new Delta().insert("abc", { bold: true });
    const desk = new Desk(bold);
    desk.edit(new Delta().retain(1, { bold: true }));
    expect(desk.editing.canUndo).toBe(false);
    desk.edit(insert("1"));
    desk.edit(new Delta().retain(1).retain(2, { bold: true }));
    desk.undo();
    expect([desk.content, desk.editing.canUndo]).toEqual([bold, false]);
  });

  it("takes back the last step, then the one before, until there is none; redo puts them back", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(insert("1"));
    desk.edit(new Delta().retain(1).delete(2));
    desk.edit(new Delta().retain(2, { bold: true }));
    const states = [desk.content];
    for (const expected of [doc("1c"), doc("1abc"), doc("abc")]) {
      expect(desk.undo()).not.toBe(false);
      expect(desk.content).toEqual(expected);
    }
    expect([desk.undo(), desk.editing.canUndo, desk.editing.canRedo]).toEqual([false, false, true]);
    for (const expected of [doc("1abc"), doc("1c"), ...states]) {
      expect(desk.redo()).not.toBe(false);
      expect(desk.content).toEqual(expected);
    }
    expect([desk.redo(), desk.editing.canUndo, desk.editing.canRedo]).toEqual([false, true, false]);
  });

  it("leaves what others typed within what is taken back, and redo puts it around that again", () => {
    const desk = new Desk(doc("[]"));
    desk.edit(insert("mine", 1));
    desk.save();
    desk.receive(insert("YOURS", 3));
    desk.undo();
    expect(desk.content).toEqual(doc("[YOURS]"));
    desk.redo();
    expect(desk.content).toEqual(doc("[miYOURSne]"));
  });

  it("does not put back an attribute that somebody else has set since", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(new Delta().retain(3, { color: "red", bold: true }));
    desk.save();
    desk.receive(new Delta().retain(3, { color: "blue" }));
    desk.undo();
    expect(desk.content).toEqual(new Delta().insert("abc", { color: "blue" }));
  });

  it("is nothing to do when others have deleted what would be taken back", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(insert("x"));
    desk.save();
    desk.receive(remove(1));
    expect([desk.editing.canUndo, desk.undo()]).toEqual([false, false]);
  });

  it("forgets what was taken back when the user goes on", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(insert("x"));
    desk.undo();
    desk.edit(insert("y"));
    expect([desk.editing.canRedo, desk.redo()]).toEqual([false, false]);
    desk.undo();
    expect(desk.content).toEqual(doc("abc"));
  });

  it("keeps so many steps, and the oldest go first", () => {
    const desk = new Desk(doc(""), 3);
    for (let count = 0; count < 5; count++) desk.edit(insert(String(count), count));
    while (desk.undo() !== false);
    expect(desk.content).toEqual(doc("01"));
  });

  it("can be had not at all", () => {
    const desk = new Desk(doc(""), 0);
    desk.edit(insert("x"));
    expect([desk.editing.canUndo, desk.undo()]).toEqual([false, false]);
  });

  it("keeps so much memory, and the oldest steps go first", () => {
    const undo = new Undo(richText, 100, 1_000, 1_000);
    for (let edit = 1; edit <= 5; edit++) {
      const inverse = insert("x".repeat(200));
      undo.record(remove(200), { inverse, edit, before: undefined, after: undefined }, edit * 5_000);
    }
    let steps = 0;
    while (undo.take("undo")) steps++;
    expect(steps).toBe(2);
    undo.record(remove(900), { inverse: insert("x".repeat(900)), edit: 6, before: undefined, after: undefined }, 60_000);
    expect(undo.canUndo).toBe(false);
  });
});

describe("a step", () => {
  it("is what was typed in one go", () => {
    const desk = new Desk(doc("[]"));
    [..."abc"].forEach((letter, index) => desk.edit(insert(letter, 1 + index), 900));
    desk.edit(remove(1, 3), 900);
    desk.undo();
    expect(desk.content).toEqual(doc("[]"));
    desk.redo();
    expect(desk.content).toEqual(doc("[ab]"));
  });

  it("goes on though others edit before it, and edits are acknowledged", () => {
    const desk = new Desk(doc("[]"));
    desk.edit(insert("a", 1), 100);
    desk.save();
    desk.receive(insert(">>"));
    desk.edit(insert("b", 4), 100);
    desk.save();
    desk.undo();
    expect(desk.content).toEqual(doc(">>[]"));
  });

  const breaks: [string, (desk: Desk) => void][] = [
    ["a pause", (desk) => desk.edit(insert("b", 2), 1_001)],
    ["another place", (desk) => desk.edit(insert("b", 0), 100)],
    ["the application's word", (desk) => (desk.editing.endUndoStep(), desk.edit(insert("b", 2), 100))],
    ["an undo", (desk) => (desk.edit(insert("c", 2), 5_000), desk.undo(), desk.edit(insert("b", 2), 100))],
  ];

  it.each(breaks)("ends with %s", (_name, next) => {
    const desk = new Desk(doc("[]"));
    desk.edit(insert("a", 1), 100);
    next(desk);
    desk.undo();
    expect(desk.content).toEqual(doc("[a]"));
  });
});

describe("the selection", () => {
  it("comes back as it was before the step, and with redo as it was after it", () => {
    const desk = new Desk(doc("one two"));
    desk.selection = { anchor: 7, focus: 4 };
    desk.edit(new Delta().retain(4).insert("2").delete(3));
    desk.selection = { anchor: 0, focus: 0 };
    expect(desk.undo()).toEqual({ anchor: 7, focus: 4 });
    expect(desk.redo()).toEqual({ anchor: 5, focus: 5 });
    expect(desk.undo()).toEqual({ anchor: 7, focus: 4 });
  });

  it("is moved by what others do meanwhile", () => {
    const desk = new Desk(doc("one two"));
    desk.selection = { anchor: 3, focus: 3 };
    desk.edit(insert("!", 3));
    desk.edit(insert("?", 8));
    desk.save();
    desk.receive(insert(">> "));
    desk.receive(remove(2, 5));
    expect(desk.content).toEqual(doc(">> on two?"));
    expect([desk.undo(), desk.undo()]).toEqual([{ anchor: 5, focus: 5 }, false]);
    expect(desk.redo()).toEqual({ anchor: 5, focus: 5 });
  });

  it("is unknown if it was never told", () => {
    const desk = new Desk(doc(""));
    desk.edit(insert("x"));
    expect(desk.undo()).toBeUndefined();
  });
});

describe("undo of an edit that was refused", () => {
  // The first edit is in flight, and the others wait.
  function refuse(desk: Desk, ...edits: Delta[]): void {
    desk.edit(edits[0]!);
    desk.editing.pending.launch();
    for (const edit of edits.slice(1)) desk.edit(edit);
    desk.editing.withdraw();
  }

  it("is forgotten, and the steps before and after it are not", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(insert("1"));
    desk.save();
    refuse(desk, insert("BAD", 2), insert("2", 5));
    expect(desk.content).toEqual(doc("1a2bc"));
    desk.undo();
    expect(desk.content).toEqual(doc("1abc"));
    desk.undo();
    expect([desk.content, desk.undo()]).toEqual([doc("abc"), false]);
  });

  it("does not put what it deleted there a second time", () => {
    const desk = new Desk(doc("abc"));
    refuse(desk, remove(2), insert("x", 1));
    expect(desk.content).toEqual(doc("abcx"));
    while (desk.undo() !== false);
    expect(desk.content).toEqual(doc("abc"));
  });

  it("leaves the rest of its burst", () => {
    const desk = new Desk(doc(""));
    desk.edit(insert("a"));
    desk.editing.pending.launch();
    desk.edit(insert("b", 1), 100);
    desk.editing.withdraw();
    expect(desk.content).toEqual(doc("b"));
    desk.undo();
    expect([desk.content.ops, desk.undo()]).toEqual([[], false]);
  });

  it("is no harm when it was taken back before the refusal came", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(new Delta().insert("NEW").delete(3));
    desk.editing.pending.launch();
    desk.undo();
    desk.editing.withdraw();
    expect([desk.content, desk.editing.pending.unsaved]).toEqual([doc("abc"), 0]);
    desk.redo();
    expect(desk.content).toEqual(doc("NEW"));
  });

  it("that was an undo or redo itself can be tried again", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(insert("1"));
    desk.edit(insert("2", 1));
    desk.save();
    for (const [turn, before, after] of [["undo", "12abc", "1abc"], ["redo", "1abc", "12abc"]] as const) {
      for (let time = 0; time < 2; time++) {
        desk[turn]();
        expect(desk.content).toEqual(doc(after));
        desk.editing.pending.launch();
        desk.editing.withdraw();
        expect(desk.content).toEqual(doc(before));
      }
      desk[turn]();
      desk.save();
    }
    while (desk.undo() !== false);
    expect(desk.content).toEqual(doc("abc"));
  });

  it("forgets what else could be undone if an undo hangs on it", () => {
    const desk = new Desk(doc("abc"));
    desk.edit(insert("12"));
    desk.editing.pending.launch();
    desk.edit(remove(1));
    desk.undo();
    desk.editing.withdraw();
    expect([desk.content, desk.undo(), desk.redo()]).toEqual([doc("1abc"), false, false]);
  });
});

it("what was committed otherwise than thought is taken back where it was committed", () => {
  const desk = new Desk(doc("abc"));
  desk.edit(insert("1"));
  desk.save();
  desk.edit(insert("xy", 1));
  desk.editing.pending.launch();
  desk.edit(insert("2", 3));
  desk.editing.acknowledge(insert("xy", 4));
  expect(desk.content).toEqual(doc("12abcxy"));
  const steps = [desk.content];
  while (desk.undo() !== false) steps.push(desk.content);
  expect(steps).toEqual([doc("12abcxy"), doc("1abcxy"), doc("1abc"), doc("abc")]);
  while (desk.redo() !== false);
  expect(desk.content).toEqual(doc("12abcxy"));
});

describe("a document", () => {
  const stage = useStage();

  it("submits an undo like any edit, and tells the editor, with the selection", () => {
    const { document } = stage.openDocument();
    const told: [Delta, ChangeOrigin][] = [];
    const states: boolean[][] = [];
    document.on("change", (delta, origin) => told.push([delta, origin]));
    document.on("undo", ({ canUndo, canRedo }) => states.push([canUndo, canRedo]));
    expect([document.undo(), document.redo()]).toEqual([false, false]);
    document.setSelection({ anchor: 5, focus: 5 });
    document.submit(insert("!", 5));
    stage.time.advance(20);
    stage.server.commit("d", insert(">"));
    stage.time.advance(20);
    expect(document.undo()).toBe(true);
    expect(document.content).toEqual(insert(">Hello"));
    stage.time.advance(20);
    expect(stage.server.content("d")).toEqual(insert(">Hello"));
    expect(document.redo()).toBe(true);
    stage.time.advance(100);
    expect(stage.server.content("d")).toEqual(insert(">Hello!"));
    expect(told).toEqual([
      [insert(">"), { source: "remote" }],
      [remove(1, 6), { source: "undo", selection: { anchor: 6, focus: 6 } }],
      [insert("!", 6), { source: "redo", selection: { anchor: 7, focus: 7 } }],
    ]);
    expect(states).toEqual([[true, false], [false, true], [true, false]]);
    expect(stage.server.socket.open.get("d")?.selection).toMatchObject({ anchor: 7, focus: 7 });
  });

  it("undoes while it is offline, and what was done before it was", () => {
    const { document } = stage.openDocument();
    document.submit(insert("1"));
    stage.time.advance(20);
    stage.server.isDown = true;
    stage.server.socket.drop();
    document.endUndoStep();
    document.submit(insert("2"));
    stage.server.commit("d", insert("!", 6));
    document.undo();
    document.undo();
    expect(document.content).toEqual(insert("Hello"));
    document.redo();
    stage.server.isDown = false;
    stage.time.advance(60_000);
    expect([document.content, stage.server.content("d")]).toEqual([insert("1Hello!"), insert("1Hello!")]);
    expect([document.undo(), document.content]).toEqual([true, insert("Hello!")]);
  });

  it("has nothing to undo after it was loaded anew", () => {
    const { document, resets } = stage.openDocument();
    document.submit(insert("1"));
    stage.time.advance(20);
    stage.server.logs.get("d")!.pop();
    stage.server.socket.drop();
    stage.time.advance(2_000);
    expect(resets.length).toBe(2);
    expect([document.canUndo, document.undo(), document.content]).toEqual([false, false, insert("Hello")]);
  });

  it("goes on undoing after a refusal", () => {
    const { document } = stage.openDocument();
    document.submit(insert("1"));
    stage.time.advance(2_000);
    stage.refuseNextSubmit(ErrorCode.DOCUMENT_TOO_LARGE, Retry.NEVER);
    document.submit(insert("BAD", 1));
    stage.time.advance(20);
    expect(document.content).toEqual(insert("1Hello"));
    document.undo();
    stage.time.advance(20);
    expect([stage.server.content("d"), document.canUndo]).toEqual([insert("Hello"), false]);
  });

  it("has nothing to undo when it is closed or refused", () => {
    const { document } = stage.openDocument();
    document.submit(insert("1"));
    document.close();
    expect([document.canUndo, document.undo()]).toEqual([false, false]);
  });
});
