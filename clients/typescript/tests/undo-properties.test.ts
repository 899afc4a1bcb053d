// What holds of undo whatever is typed, undone and lost on the way: every property runs with many seeds, and prints the
// seed that breaks it.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import { CloudSyncClient } from "../src/client.js";
import type { CollaborativeDocument } from "../src/document.js";
import { Editing } from "../src/editing.js";
import { canonical, encodeOperation } from "../src/operation-codec.js";
import { Pending } from "../src/pending.js";
import { richText } from "../src/rich-text.js";
import { MemoryServer } from "./support/memory-server.js";
import { forSeeds, randomEdit, type Random } from "./support/random.js";
import { VirtualTime } from "./support/virtual-time.js";

const textOf = (content: Delta): string => content.ops.map(({ insert }) => insert).join("");

/** Some people who have one document open through a network that delays and, if it is to, loses. */
class Room {
  readonly time = new VirtualTime();
  readonly server: MemoryServer;
  readonly documents: CollaborativeDocument[] = [];
  readonly clients: CloudSyncClient[] = [];

  constructor(
    readonly random: Random,
    content: string,
    people: number,
    readonly loses = false,
  ) {
    this.server = new MemoryServer(this.time, random);
    this.server.delay = () => random.next() * 80;
    this.server.create("d", new Delta().insert(content));
    for (let number = 0; number < people; number++) {
      const user = { id: "", name: `user ${number}`, color: "#000000" };
      const options = { WebSocket: this.server.webSocket, timers: this.time, random: random.next, undoSteps: 1_000 };
      const client = new CloudSyncClient({ url: "ws://x/sync", user, transport: "websocket", clientId: String(100 + number), ...options });
      this.clients.push(client);
      this.documents.push(client.open("d"));
    }
    this.settle();
  }

  /** Lets some time go by. */
  pass(): void {
    this.time.advance(this.random.next() * 60);
    if (this.loses && this.random.chance(0.03)) this.random.pick(this.server.sockets)?.drop();
  }

  /** Waits until everybody has everything, which must be the same. */
  settle(): Delta {
    this.time.advance(120_000);
    const content = this.server.content("d");
    for (const document of this.documents) {
      expect(document.unsaved).toBe(false);
      expect(document.fault).toBeUndefined();
      expect(document.content).toEqual(content);
    }
    return content;
  }

  close(): void {
    this.clients.forEach((client) => client.close());
  }
}

describe("one user alone", () => {
  it("undoes everything to the beginning, and redoes it to the end, through any mixture of both", () => {
    forSeeds(100, (random) => {
      const start = canonical(new Delta().insert("Some ").insert("text 😀", { bold: true }).insert({ card: 1 }).insert("\n"));
      const pending = new Pending(richText, 0, encodeOperation(start), 0);
      const editing = new Editing(pending, { steps: 1_000, pause_ms: 1_000 });
      let now = 0;
      const states = [start];
      for (let step = 0; step < 40; step++) {
        const choice = random.next();
        if (choice < 0.6) {
          editing.submit(canonical(randomEdit(random, pending.content)), undefined, (now += random.below(2_000)));
        } else if (choice < 0.9) {
          const before = pending.content;
          if (editing.turn("undo")) {
            const undone = pending.content;
            editing.turn("redo");
            expect(pending.content).toEqual(before);
            editing.turn("undo");
            expect(pending.content).toEqual(undone);
          }
        } else if (pending.launch()) {
          editing.acknowledge(pending.inFlight!);
        }
        states.push(pending.content);
      }
      while (editing.canRedo) editing.turn("redo");
      const end = pending.content;
      while (editing.canUndo) expect(editing.turn("undo")).toBeDefined();
      expect(pending.content).toEqual(start);
      while (editing.canRedo) expect(editing.turn("redo")).toBeDefined();
      expect(pending.content).toEqual(end);
    });
  });

  it("undoes what is left to the beginning, though edits are refused or committed otherwise", () => {
    forSeeds(200, (random) => {
      const start = new Delta().insert("0123456789\n");
      const pending = new Pending(richText, 0, encodeOperation(start), 0);
      const editing = new Editing(pending, { steps: 1_000, pause_ms: 1_000 });
      let now = 0;
      let [editor, committed] = [start, start];
      // An undo or redo of which a part is refused while another part waits: what is left can't be known (undo.ts), and
      // nothing is kept.
      let forgotten = false;
      const show = (...changes: Delta[]): void => changes.forEach((change) => (editor = editor.compose(change)));
      for (let step = 0; step < 40; step++) {
        const choice = random.next();
        if (choice < 0.5) {
          show(editing.submit(canonical(randomEdit(random, pending.content)), undefined, (now += random.below(2_000))));
        } else if (choice < 0.65 && pending.unsaved === 0) {
          show(...(editing.turn(random.chance(0.6) ? "undo" : "redo")?.operations ?? []));
        } else if (!pending.launch() && pending.inFlight !== undefined) {
          const hangs = pending.edits.slice(1).some((edit) => edit.kind !== "edit");
          if (choice < 0.75) {
            show(editing.withdraw().change);
          } else {
            const otherwise = choice < 0.85;
            const operation = otherwise ? canonical(randomEdit(random, committed)) : pending.inFlight;
            committed = committed.compose(operation);
            show(...editing.acknowledge(operation));
          }
          if (hangs && pending.inFlight === undefined && !editing.canUndo && !editing.canRedo) forgotten = true;
        }
        expect(editor).toEqual(pending.content);
      }
      while (editing.canUndo) editing.turn("undo");
      if (!forgotten) expect(pending.content).toEqual(start);
    });
  });
});

describe("one of several users", () => {
  // Ada types uppercase letters, and deletes those or digits; the others type lowercase letters, and delete those.
  // So nobody edits what somebody else edits too, and everybody types within everything.
  const isAdas = (letter: string): boolean => /[A-Z]/.test(letter);
  const isDigit = (letter: string): boolean => /\d/.test(letter);
  const keep = (text: string, kept: (letter: string) => boolean): string => [...text].filter(kept).join("");

  it("who undoes everything leaves just what the others have made, and redoing everything puts it all back", () => {
    forSeeds(40, (random) => {
      const digits = "0123456789".repeat(3);
      const room = new Room(random, digits, 3, true);
      const [ada, ...others] = room.documents;
      for (let step = 0; step < 80; step++) {
        room.pass();
        const document = random.chance(0.5) ? ada! : random.pick(others);
        const text = textOf(document.content);
        const at = random.below(text.length + 1);
        const mine = (letter: string): boolean => (document === ada ? isAdas(letter) || isDigit(letter) : /[a-z]/.test(letter));
        if (document === ada && random.chance(0.2)) random.chance(0.6) ? document.undo() : document.redo();
        else if (random.chance(0.4) && mine(text[at] ?? "")) document.submit(new Delta().retain(at).delete(1));
        else document.submit(new Delta().retain(at).insert(String.fromCharCode((document === ada ? 65 : 97) + random.below(26))));
        if (random.chance(0.2)) document.endUndoStep();
      }
      room.settle();
      while (ada!.canRedo) ada!.redo();
      const before = textOf(room.settle());
      while (ada!.canUndo) expect(ada!.undo()).toBe(true);
      const undone = textOf(room.settle());
      expect(keep(undone, isAdas)).toBe("");
      expect(keep(undone, isDigit)).toBe(digits);
      expect(keep(undone, (letter) => !isDigit(letter))).toBe(keep(before, (letter) => !isDigit(letter) && !isAdas(letter)));
      while (ada!.canRedo) expect(ada!.redo()).toBe(true);
      expect(textOf(room.settle())).toBe(before);
      room.close();
    });
  });

  it("has in the text just what he has not undone, whatever the others undo", () => {
    forSeeds(40, (random) => {
      const room = new Room(random, "|", 4, true);
      const done: string[][] = room.documents.map(() => []);
      const undone: string[][] = room.documents.map(() => []);
      for (let step = 0; step < 100; step++) {
        room.pass();
        const who = random.below(room.documents.length);
        const document = room.documents[who]!;
        const choice = random.next();
        if (choice < 0.3) {
          expect(document.undo()).toBe(done[who]!.length > 0);
          const last = done[who]!.pop();
          if (last !== undefined) undone[who]!.push(last);
        } else if (choice < 0.45) {
          expect(document.redo()).toBe(undone[who]!.length > 0);
          const last = undone[who]!.pop();
          if (last !== undefined) done[who]!.push(last);
        } else {
          const token = String.fromCodePoint(0x4e00 + step);
          document.endUndoStep();
          document.submit(new Delta().retain(random.below(document.content.length() + 1)).insert(token));
          done[who]!.push(token);
          undone[who] = [];
        }
      }
      expect([...textOf(room.settle())].sort()).toEqual(["|", ...done.flat()].sort());
      room.close();
    });
  });
});
