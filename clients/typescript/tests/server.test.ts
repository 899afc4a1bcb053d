// The client and the real server, over real sockets, in each way there is to connect.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import type { CloudSyncClient } from "../src/client.js";
import type { CollaborativeDocument } from "../src/document.js";
import { RefusedError } from "../src/errors.js";
import { json, type JsonDocument } from "../src/json.js";
import { canonical } from "../src/operation-codec.js";
import { Random, randomEdit } from "./support/random.js";
import { randomJsonOperation } from "./support/random-json.js";
import { useRealServer } from "./support/real-server.js";
import { isServerBuilt } from "./support/server-process.js";

const insert = (text: string, at = 0): Delta => new Delta().retain(at).insert(text);

const transports = ["websocket", "sse", "polling"] as const;

describe.skipIf(!isServerBuilt).each(transports)("with the real server, over %s", (transport) => {
  const server = useRealServer();
  const { create, clients } = server;
  const connect = (name: string): CloudSyncClient => server.connect(name, { transport });

  async function open(client: CloudSyncClient, id: string): Promise<CollaborativeDocument> {
    const document = client.open(id);
    await document.ready;
    return document;
  }

  /** Waits until the condition holds, looking whenever one of the documents tells of something. */
  function until(documents: CollaborativeDocument<any, any>[], condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        for (const off of offs) off();
        resolve();
      };
      const names = ["change", "reset", "presence", "state", "renamed"] as const;
      const offs = documents.flatMap((document) => names.map((name) => document.on(name, look)));
      look();
    });
  }

  const settled = (documents: CollaborativeDocument<any, any>[]): Promise<void> =>
    until(documents, () => {
      const version = Math.max(...documents.map((document) => document.version));
      return documents.every((document) => document.state.kind === "live" && !document.unsaved && document.version === version);
    });

  it("two clients see each other's edits, and a third finds them", async () => {
    const id = await create();
    const [ada, bob] = [await open(connect("Ada"), id), await open(connect("Bob"), id)];
    expect([ada.type, ada.title, ada.version]).toEqual(["rich-text", "A title", 0]);
    ada.submit(new Delta().insert("Hello 😀", { bold: true }).insert("\n"));
    bob.submit(new Delta().insert({ image: "https://example.org/a.png" }).insert("\uFEFFWorld\n"));
    await settled([ada, bob]);
    expect(ada.content).toEqual(bob.content);
    const late = await open(connect("Late"), id);
    expect(late.content).toEqual(ada.content);
    expect(late.version).toBe(2);
  });

  it("many clients that write at once converge", async () => {
    const random = new Random(Math.floor(Math.random() * 2 ** 31));
    const id = await create();
    const documents: CollaborativeDocument[] = [];
    for (let number = 0; number < 4; number++) documents.push(await open(connect(`user ${number}`), id));
    for (let step = 0; step < 300; step++) {
      const document = random.pick(documents);
      document.submit(randomEdit(random, document.content));
      if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    }
    await settled(documents);
    const cold = await open(connect("cold"), id);
    for (const document of documents) {
      expect(document.content, `seed ${random.seed}`).toEqual(cold.content);
      expect(document.fault, `seed ${random.seed}`).toBeUndefined();
    }
  });

  it("everything typed is there exactly once, though the server is killed again and again", async () => {
    const id = await create();
    const documents = [await open(connect("Ada"), id), await open(connect("Bob"), id)];
    const tokens: string[] = [];
    const type = (document: CollaborativeDocument): void => {
      const token = `<${tokens.length}>`;
      tokens.push(token);
      document.submit(new Delta().insert(token));
    };
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 40; count++) {
        documents.forEach(type);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const killed = server.process.kill();
      documents.forEach(type);
      await killed;
      await until(documents, () => documents.every((document) => document.state.kind !== "live"));
      documents.forEach(type);
      await server.process.start();
      for (const client of clients) client.reconnect();
    }
    await settled(documents);
    const cold = await open(connect("cold"), id);
    const text = cold.content.ops.map(({ insert }) => insert).join("");
    expect(text.length).toBe(tokens.join("").length);
    expect(text.match(/<\d+>/g)?.sort()).toEqual(tokens.sort());
    for (const document of documents) expect(document.content).toEqual(cold.content);
  });

  it("presence is seen, follows edits, and is gone with its client", async () => {
    const id = await create();
    const [adaClient, bobClient] = [connect("Ada"), connect("Bob")];
    const [ada, bob] = [await open(adaClient, id), await open(bobClient, id)];
    ada.submit(insert("Hello\n"));
    await settled([ada, bob]);
    await until([bob], () => bob.version === 1);
    bob.setSelection({ anchor: 1, focus: 4 });
    bob.setPresenceState({ mood: "good" });
    await until([ada], () => ada.presence[0]?.selection?.focus === 4 && ada.presence[0].state !== undefined);
    expect(ada.presence).toEqual([
      { clientId: bobClient.clientId, user: { id: "Bob", name: "Bob", color: "#336699" }, selection: { anchor: 1, focus: 4 }, state: { mood: "good" } },
    ]);
    ada.submit(insert(">> "));
    expect(ada.presence[0]?.selection).toEqual({ anchor: 4, focus: 7 });
    bobClient.setUser({ id: "Bob", name: "Robert", color: "#112233" });
    await until([ada], () => ada.presence[0]?.user.name === "Robert");
    bobClient.close();
    await until([ada], () => ada.presence.length === 0);
  });

  it("plain text is written like rich text", async () => {
    const id = await create("text");
    const document = await open(connect("Ada"), id);
    expect(() => document.submit(new Delta().insert("x", { bold: true }))).toThrow(RangeError);
    document.submit(insert("plain"));
    await document.saved();
    expect([document.type, document.content]).toEqual(["text", insert("plain")]);
  });

  it("many documents are open on one connection", async () => {
    const client = connect("Ada");
    const ids = await Promise.all(Array.from({ length: 10 }, () => create()));
    const documents = await Promise.all(ids.map((id) => open(client, id)));
    documents.forEach((document, index) => document.submit(insert(`document ${index}`)));
    await Promise.all(documents.map((document) => document.saved()));
    expect(documents.map((document) => document.content)).toEqual(ids.map((_id, index) => insert(`document ${index}`)));
  });

  it("many clients that edit JSON at once, and undo, converge, and nothing is merged otherwise than the server does", async () => {
    const random = new Random(Math.floor(Math.random() * 2 ** 31));
    const id = await create("json");
    const documents: JsonDocument[] = [];
    for (let number = 0; number < 3; number++) {
      documents.push(connect(`user ${number}`).open(id, json));
      await documents[number]!.ready;
    }
    expect([documents[0]!.type, documents[0]!.content]).toEqual(["json", null]);
    const start = { list: [1, { x: 2 }, "three"], text: "Some text 😀", number: 1, rich: { ops: [{ insert: "rich text\n" }] }, inner: {} };
    documents[0]!.set([], start);
    await settled(documents);
    await until(documents, () => documents.every((document) => document.version === 1));
    for (let step = 0; step < 300; step++) {
      const document = random.pick(documents);
      const choice = random.next();
      if (choice < 0.15) document.undo();
      else if (choice < 0.2) document.redo();
      else document.submit(randomJsonOperation(random, document.content));
      if (random.chance(0.3)) await new Promise((resolve) => setImmediate(resolve));
    }
    await settled(documents);
    const cold = connect("cold").open(id, json);
    await cold.ready;
    for (const document of documents) {
      expect(document.content, `seed ${random.seed}`).toEqual(cold.content);
      expect([document.divergences, document.fault], `seed ${random.seed}`).toEqual([0, undefined]);
    }
  });

  it("undo takes back one's own among others', over the wire and after the server was killed", async () => {
    const id = await create();
    const [ada, bob] = [await open(connect("Ada"), id), await open(connect("Bob"), id)];
    ada.submit(insert("mine"));
    await settled([ada, bob]);
    await until([bob], () => bob.version === 1);
    bob.submit(insert("YOURS", 2));
    await settled([ada, bob]);
    await until([ada], () => ada.version === 2);
    await server.process.kill();
    await until([ada, bob], () => [ada, bob].every((document) => document.state.kind !== "live"));
    expect(ada.undo()).toBe(true);
    await server.process.start();
    for (const client of clients) client.reconnect();
    await settled([ada, bob]);
    await until([bob], () => bob.version === 3);
    expect([ada.content, bob.content]).toEqual([insert("YOURS"), insert("YOURS")]);
    expect(ada.redo()).toBe(true);
    await ada.saved();
    expect((await open(connect("cold"), id)).content).toEqual(insert("miYOURSne"));
  });

  it("a document that doesn't exist is refused", async () => {
    const error = await open(connect("Ada"), "nowhere").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ code: "DOCUMENT_NOT_FOUND" });
  });

  it("a new title and a deletion are heard of", async () => {
    const id = await create();
    const document = await open(connect("Ada"), id);
    await server.process.request("PATCH", `/documents/${id}`, { title: "Another" });
    await until([document], () => document.title === "Another");
    await server.process.request("DELETE", `/documents/${id}`);
    await until([document], () => document.state.kind === "refused");
    expect(document.state.reason?.code).toBe("DELETED");
  });

  it("an edit that cuts a surrogate pair is handed back, and the rest goes on", async () => {
    const id = await create();
    const document = await open(connect("Ada"), id);
    document.submit(insert("a😀b"));
    await document.saved();
    const refused: RefusedError[] = [];
    document.on("refused", (_operation, error) => refused.push(error));
    document.submit(new Delta().retain(1).delete(1));
    document.submit(insert("x"));
    await expect(document.saved()).rejects.toMatchObject({ name: "RefusedError", code: "OPERATION_SPLITS_SURROGATE_PAIR" });
    await document.saved();
    expect(refused.map(({ code }) => code)).toEqual(["OPERATION_SPLITS_SURROGATE_PAIR"]);
    expect(document.content).toEqual(insert("xa😀b"));
    expect((await open(connect("cold"), id)).content).toEqual(document.content);
  });

  it("an edit larger than the server takes is handed back with the limit", async () => {
    const id = await create();
    const document = await open(connect("Ada"), id);
    const refused: RefusedError[] = [];
    document.on("refused", (_operation, error) => refused.push(error));
    document.submit(insert("x".repeat(8 << 20)));
    document.submit(insert("y"));
    await expect(document.saved()).rejects.toMatchObject({ name: "RefusedError", code: "OPERATION_TOO_LARGE" });
    await document.saved();
    expect(refused).toMatchObject([{ code: "OPERATION_TOO_LARGE", limit: "operation_bytes" }]);
    expect(document.content).toEqual(insert("y"));
  });

  it("what is written offline by two converges when they are back", async () => {
    const random = new Random(Math.floor(Math.random() * 2 ** 31));
    const id = await create();
    const documents = [await open(connect("Ada"), id), await open(connect("Bob"), id)];
    documents[0]!.submit(insert("The text that both begin with.\n"));
    await settled(documents);
    await until(documents, () => documents.every((document) => document.version === 1));
    await server.process.kill();
    await until(documents, () => documents.every((document) => document.state.kind !== "live"));
    for (let step = 0; step < 200; step++) {
      const document = random.pick(documents);
      document.submit(canonical(randomEdit(random, document.content)));
    }
    await server.process.start();
    for (const client of clients) client.reconnect();
    await settled(documents);
    const cold = await open(connect("cold"), id);
    for (const document of documents) expect(document.content, `seed ${random.seed}`).toEqual(cold.content);
  });
});
