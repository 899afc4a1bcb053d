// Documents of JSON before a server in memory: what applications do with them, and that everybody ends with the same.
import { describe, expect, it } from "vitest";
import { CloudSyncClient } from "../src/client.js";
import { json, type JsonDocument, type JsonOperation, type JsonValue } from "../src/json.js";
import { jsonType } from "../src/json-type.js";
import { MemoryServer } from "./support/memory-server.js";
import { forSeeds, type Random } from "./support/random.js";
import { randomJsonOperation } from "./support/random-json.js";
import { useStage, user } from "./support/stage.js";
import { VirtualTime } from "./support/virtual-time.js";

function becomeJson(server: MemoryServer): void {
  Object.assign(server, { type: "json", documentType: jsonType, empty: null });
}

describe("a document of JSON", () => {
  const stage = useStage();

  function open(content?: JsonValue) {
    becomeJson(stage.server);
    stage.server.create("d", content === undefined ? undefined : [{ p: [], oi: content }]);
    const document = stage.connect().open("d", json);
    const changes: [JsonOperation, string][] = [];
    document.on("change", (operation, { source }) => changes.push([operation, source]));
    stage.time.advance(20);
    return { document, changes };
  }

  it("is null to begin with, and is set to anything", () => {
    const { document } = open();
    expect([document.type, document.version, document.content]).toEqual(["json", 0, null]);
    document.set([], { title: "New", list: [] });
    stage.time.advance(20);
    expect([document.content, stage.server.content("d")]).toEqual([{ title: "New", list: [] }, { title: "New", list: [] }]);
  });

  it("is edited in short words", () => {
    const { document } = open({ list: ["a"], text: "Hello", count: 1, rich: { ops: [{ insert: "x\n" }] } });
    document.set(["title"], "Title");
    document.set(["list", 0], "A");
    document.set(["list", 1], "B");
    document.insertAt(["list"], 1, "x", "y");
    document.move(["list"], 0, 3);
    document.removeAt(["list"], 0, 2);
    document.add(["count"], 4);
    document.editText(["text"], { at: 1, remove: 4, insert: "i" });
    document.editRichText(["rich"], { ops: [{ retain: 1, attributes: { bold: true } }] });
    document.remove(["title"]);
    const expected = { list: ["B", "A"], text: "Hi", count: 5, rich: { ops: [{ insert: "x", attributes: { bold: true } }, { insert: "\n" }] } };
    expect(document.content).toEqual(expected);
    expect([document.get(["list", 1]), document.get(["nothing", 0])]).toEqual(["A", undefined]);
    stage.time.advance(50);
    expect([document.unsaved, stage.server.content("d")]).toEqual([false, expected]);
  });

  it("says so when an edit doesn't fit, and nothing has changed", () => {
    const { document } = open({ list: [] });
    const wrong: (() => void)[] = [
      () => document.set(["no", "such"], 1), () => document.set(["list", 1], 1), () => document.remove(["x"]),
      () => document.removeAt(["list"], 0), () => document.move(["list"], 0, 1), () => document.add(["list"], 1),
      () => document.editText(["list"], { at: 0, insert: "x" }), () => document.set(["x"], undefined as unknown as JsonValue),
    ];
    for (const edit of wrong) expect(edit).toThrow(RangeError);
    expect([document.unsaved, document.content]).toEqual([false, { list: [] }]);
  });

  it("hears what others do, and undoes what it did itself", () => {
    const { document, changes } = open({ text: "Hello", count: 1 });
    document.editText(["text"], { at: 5, insert: "!" });
    document.add(["count"], 10);
    stage.time.advance(20);
    stage.server.commit("d", [{ p: ["text", 0], si: ">" }, { p: ["count"], na: 5 }]);
    stage.time.advance(20);
    expect(document.content).toEqual({ text: ">Hello!", count: 16 });
    expect([document.undo(), document.undo(), document.undo()]).toEqual([true, true, false]);
    expect(document.content).toEqual({ text: ">Hello", count: 6 });
    document.redo();
    stage.time.advance(20);
    expect(stage.server.content("d")).toEqual({ text: ">Hello!", count: 6 });
    expect(changes.map(([, source]) => source)).toEqual(["remote", "undo", "undo", "redo"]);
    expect(changes[1]![0]).toEqual([{ p: ["count"], na: -10 }]);
  });

  it("gets back what others have left no place for", () => {
    const { document } = open({ a: { b: 1 } });
    const refused: JsonOperation[] = [];
    document.on("refused", (operation) => refused.push(operation));
    stage.server.commit("d", [{ p: ["a"], oi: 5 }]);
    document.add(["a", "b"], 1);
    stage.time.advance(20);
    expect([document.content, refused, document.unsaved]).toEqual([{ a: 5 }, [[{ p: ["a", "b"], na: 1 }]], false]);
  });

  it("is refused if it was opened as text, and text if it was opened as JSON", async () => {
    open({});
    const asText = stage.connect().open("d");
    stage.time.advance(20);
    expect(asText.state).toMatchObject({ kind: "refused", reason: { code: "UNSUPPORTED_TYPE" } });
    stage.server.type = "text";
    const client = stage.connect();
    const asJson = client.open("d", json);
    expect(() => client.open("d")).toThrow(/another kind/);
    stage.time.advance(20);
    expect(asJson.state).toMatchObject({ kind: "refused", reason: { code: "UNSUPPORTED_TYPE" } });
  });

  it("that was opened as text first goes on when that one is closed", () => {
    open({ count: 1 });
    const client = stage.connect();
    const asText = client.open("d");
    stage.time.advance(20);
    const document = client.open("d", json);
    asText.close();
    stage.time.advance(20);
    expect(client.open("d", json)).toBe(document);
    stage.server.commit("d", [{ p: ["count"], na: 1 }]);
    stage.time.advance(20);
    expect([document.state.kind, document.content]).toEqual(["live", { count: 2 }]);
  });
});

describe("many clients with one document of JSON", () => {
  function run(random: Random, composesCatchUp: boolean): void {
    const time = new VirtualTime();
    const server = new MemoryServer(time, random);
    becomeJson(server);
    server.delay = () => random.next() * 80;
    server.composesCatchUp = composesCatchUp;
    server.create("d", [{ p: [], oi: { list: [1, 2, 3], text: "text", number: 0, inner: {} } }]);
    const documents: JsonDocument[] = [];
    const clients = Array.from({ length: 3 }, (_, number) => {
      const options = { WebSocket: server.webSocket, timers: time, random: random.next, clientId: String(100 + number) };
      const client = new CloudSyncClient({ url: "ws://x/sync", user, transport: "websocket", ...options });
      documents.push(client.open("d", json));
      return client;
    });
    time.advance(1_000);
    for (let step = 0; step < 120; step++) {
      time.advance(random.next() * 60);
      if (random.chance(0.03)) random.pick(server.sockets)?.drop();
      const document = random.pick(documents);
      if (random.chance(0.2)) random.chance(0.6) ? document.undo() : document.redo();
      else document.submit(randomJsonOperation(random, document.content));
    }
    time.advance(120_000);
    for (const document of documents) {
      expect(document.state).toEqual({ kind: "live", unsaved: 0 });
      expect(document.fault).toBeUndefined();
      expect(document.content).toEqual(server.content("d"));
    }
    for (const client of clients) client.close();
  }

  it("converge through delays and losses, edits and undos", () => forSeeds(15, (random) => run(random, false)));
  it("converge when what they missed comes composed into one", () => forSeeds(15, (random) => run(random, true)));
});
