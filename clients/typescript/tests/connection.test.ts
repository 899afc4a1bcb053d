// One client before a server in memory that does what each test says: handshake, coming back, refusals, presence.
import Delta from "quill-delta";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClientOptions } from "../src/api.js";
import { CloudSyncClient } from "../src/client.js";
import type { CollaborativeDocument } from "../src/document.js";
import { RefusedError } from "../src/errors.js";
import { ClosedReason } from "../src/generated/cloudsync/v1/document_pb.js";
import { ErrorCode, Retry } from "../src/generated/cloudsync/v1/frame_pb.js";
import { decodeOperation } from "../src/operation-codec.js";
import type { PresenceEntry } from "../src/api.js";
import { MemoryServer, type Body, type ServerSocket } from "./support/memory-server.js";
import { VirtualTime } from "./support/virtual-time.js";

const user = { id: "u1", name: "Ada", color: "#336699" };
const insert = (text: string, at = 0): Delta => new Delta().retain(at).insert(text);

let time: VirtualTime;
let server: MemoryServer;
let random: number;
let clients: CloudSyncClient[];

beforeEach(() => {
  time = new VirtualTime();
  server = new MemoryServer(time);
  server.create("d", insert("Hello"));
  random = 0.5;
  clients = [];
});

afterEach(() => clients.forEach((client) => client.close()));

function connect(options: Partial<ClientOptions> = {}): CloudSyncClient {
  const WebSocket = server.webSocket;
  const client = new CloudSyncClient({ url: "ws://x/sync", user, WebSocket, timers: time, random: () => random, ...options });
  clients.push(client);
  return client;
}

/** A client that has "d" open, and everything the document told. */
function openDocument(options: Partial<ClientOptions> = {}) {
  const client = connect(options);
  const document = client.open("d");
  const changes: Delta[] = [];
  const resets: Delta[] = [];
  const refused: [Delta, RefusedError][] = [];
  const presence: (readonly PresenceEntry[])[] = [];
  document.on("change", (delta) => changes.push(delta));
  document.on("reset", (content) => resets.push(content));
  document.on("refused", (operation, error) => refused.push([operation, error]));
  document.on("presence", (entries) => presence.push(entries));
  time.advance(20);
  return { client, document, changes, resets, refused, presence };
}

type Case = NonNullable<Body["case"]>;
type Value<C extends Case> = Extract<Body, { case: C }>["value"];

const sent = <C extends Case>(socket: ServerSocket, name: C): Value<C>[] =>
  socket.received.filter((body) => body.case === name).map((body) => body.value as Value<C>);

/** Answers the next submit with an error, once. */
function refuseNextSubmit(code: ErrorCode, retry: Retry, retryAfterMs = 0): void {
  server.intercept = (socket, body) => {
    if (body.case !== "submit") return false;
    server.intercept = () => false;
    const { documentId, clientSeq } = body.value;
    socket.send({ case: "error", value: { code, message: "No.", documentId, clientSeq, retry, retryAfterMs } });
    return true;
  };
}

const refuseOpen = (code: ErrorCode, retry: Retry, retryAfterMs = 0): void => {
  server.intercept = (socket, body) => {
    if (body.case !== "open") return false;
    socket.send({ case: "error", value: { code, message: "No.", documentId: body.value.documentId, retry, retryAfterMs } });
    return true;
  };
};

describe("the handshake", () => {
  it("says who is there, and opens what is to be opened when it is answered", async () => {
    const { client, document, resets } = openDocument({ token: "secret", clientId: "18446744073709551615" });
    const [hello] = sent(server.socket, "hello");
    expect(hello).toMatchObject({ protocolVersion: 1, clientId: 2n ** 64n - 1n, token: "secret", agent: "cloudsync-js/0.1.0" });
    expect(hello!.user).toMatchObject(user);
    expect(client.state).toEqual({ kind: "live", unsaved: 0 });
    await document.ready;
    expect([document.type, document.title, document.version]).toEqual(["rich-text", "Title", 1]);
    expect(document.content).toEqual(insert("Hello"));
    expect(resets).toEqual([insert("Hello")]);
    expect(document.state).toEqual({ kind: "live", unsaved: 0 });
  });

  it("asks for a new token each time", async () => {
    let count = 0;
    connect({ token: () => `token ${++count}` });
    for (const expected of ["token 1", "token 2"]) {
      time.advance(20);
      await Promise.resolve().then(() => {}).then(() => {});
      time.advance(20);
      expect(sent(server.socket, "hello")[0]?.token).toBe(expected);
      server.socket.drop();
      time.advance(1_000);
    }
  });

  it("gives up when it isn't answered, and tries again", () => {
    server.intercept = () => true;
    const client = connect();
    time.advance(14_000);
    expect([client.state.kind, server.attempts]).toEqual(["connecting", 1]);
    time.advance(2_000);
    expect(server.attempts).toBe(2);
  });

  it("refuses a protocol version it doesn't speak", () => {
    server.intercept = (socket, body) => {
      if (body.case === "hello") socket.send({ case: "welcome", value: { protocolVersion: 2 } });
      return true;
    };
    expect(openDocument().client.state).toMatchObject({ kind: "refused", reason: { code: "UNSUPPORTED_PROTOCOL_VERSION" } });
  });

  it.each(["0", "-1", "18446744073709551616"])("doesn't take %s as a client id", (clientId) => {
    expect(() => connect({ clientId })).toThrow(RangeError);
  });

  it("makes up a client id of its own", () => {
    expect(connect().clientId).not.toBe(connect().clientId);
  });
});

describe("coming back", () => {
  it("waits longer and longer, by chance, up to a bound", () => {
    random = 0.999;
    server.isDown = true;
    const client = connect();
    const waits: number[] = [];
    for (let count = 0; count < 9; count++) {
      time.advance(3);
      expect(client.state.kind).toBe("offline");
      waits.push(Math.round(client.state.retryInMs! / 250));
      time.advance(client.state.retryInMs! + 1);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120]);
  });

  it("begins with short waits again after a good connection", () => {
    random = 0.999;
    const { client } = openDocument();
    for (let count = 0; count < 3; count++) {
      time.advance(6_000);
      server.socket.drop();
      time.advance(2);
      expect(client.state.retryInMs).toBeCloseTo(250, -1);
      time.advance(300);
    }
  });

  it("resumes from its version, and sends again what wasn't acknowledged, under the same number", () => {
    const { client, document, changes, resets } = openDocument();
    server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    document.submit(insert("2"));
    time.advance(5);
    server.socket.drop();
    server.intercept = () => false;
    server.commit("d", insert("!", 5));
    time.advance(2);
    expect(client.state).toMatchObject({ kind: "offline", unsaved: 2 });
    expect(document.state).toEqual({ kind: "offline", unsaved: 2 });
    document.submit(insert("3", 2));
    time.advance(1_000);
    expect(sent(server.socket, "open")[0]?.fromVersion).toBe(1n);
    const submits = sent(server.socket, "submit").map(({ clientSeq, baseVersion, operation }) => [clientSeq, baseVersion, decodeOperation(operation)]);
    expect(submits).toEqual([[1n, 2n, insert("1")], [2n, 3n, new Delta().insert("2").retain(1).insert("3")]]);
    expect(server.content("d")).toEqual(insert("213Hello!"));
    expect(document.content).toEqual(insert("213Hello!"));
    expect([changes, resets.length, client.state.unsaved]).toEqual([[insert("!", 8)], 1, 0]);
  });

  it("finds in what it missed that its operation had arrived", () => {
    const { document } = openDocument();
    server.delay = () => 10;
    document.submit(insert("1"));
    time.advance(12);
    expect(server.logs.get("d")!.length).toBe(2);
    server.socket.drop();
    time.advance(2_000);
    expect(server.content("d")).toEqual(insert("1Hello"));
    expect(document.state).toEqual({ kind: "live", unsaved: 0 });
    expect(sent(server.socket, "submit")).toEqual([]);
  });

  it("when the server says, if it is going away", () => {
    const { client } = openDocument();
    server.socket.send({ case: "goingAway", value: { reconnectAfterMsMin: 2_000, reconnectAfterMsMax: 6_000, reason: "update" } });
    time.advance(1_000);
    expect(client.state.kind).toBe("live");
    server.socket.drop(4001);
    time.advance(5);
    expect(client.state.retryInMs).toBeGreaterThan(2_950);
    expect(client.state.retryInMs).toBeLessThan(3_000);
  });

  it("not before the server wants, if there are too many connections", () => {
    server.intercept = (socket, body) => {
      if (body.case !== "hello") return false;
      socket.send({ case: "error", value: { code: ErrorCode.TOO_MANY_CONNECTIONS, message: "Full.", retry: Retry.LATER, retryAfterMs: 9_000 } });
      return true;
    };
    const client = connect();
    time.advance(5);
    server.socket.drop(4002);
    time.advance(5);
    expect(client.state.kind).toBe("offline");
    expect(client.state.retryInMs).toBeGreaterThan(8_990);
  });

  it.each([[4000, "offline"], [4099, "offline"], [1001, "offline"], [4100, "refused"], [4199, "refused"]])(
    "after close code %i: %s", (code, kind) => {
      const { client } = openDocument();
      server.socket.drop(code, "because");
      time.advance(5);
      expect(client.state.kind).toBe(kind);
      if (kind === "refused") expect(client.state.reason).toMatchObject({ code: `CLOSE_${code}`, message: "because" });
    });

  it("never after a refusal that won't change, until told to", async () => {
    let refuses = true;
    server.intercept = (socket, body) => {
      if (body.case !== "hello" || !refuses) return false;
      socket.send({ case: "error", value: { code: ErrorCode.UNAUTHORIZED, message: "Who are you?", retry: Retry.NEVER } });
      return true;
    };
    const { client, document } = openDocument();
    time.advance(3_600_000);
    expect(client.state).toMatchObject({ kind: "refused", reason: { code: "UNAUTHORIZED", message: "Who are you?" } });
    expect(document.state.kind).toBe("refused");
    expect(server.attempts).toBe(1);
    await expect(document.ready).rejects.toThrow(RefusedError);
    refuses = false;
    client.reconnect();
    time.advance(20);
    expect([client.state.kind, document.state.kind]).toEqual(["live", "live"]);
    expect(document.content).toEqual(insert("Hello"));
  });

  it("at once when told to", () => {
    const { client } = openDocument();
    server.isDown = true;
    server.socket.drop();
    time.advance(100_000);
    server.isDown = false;
    client.reconnect();
    time.advance(10);
    expect(client.state.kind).toBe("live");
  });

  it("leaves no timer behind when it is closed", () => {
    const { client, document } = openDocument();
    document.setSelection({ anchor: 1, focus: 1 });
    client.close();
    time.advance(10);
    expect([time.waiting, client.state, document.state.kind]).toEqual([0, { kind: "offline", unsaved: 0 }, "closed"]);
    time.advance(100_000);
    expect(server.attempts).toBe(1);
    expect(() => client.open("d")).toThrow();
  });
});

describe("the heartbeat", () => {
  it("is sent when nothing else was, the first one early by chance", () => {
    openDocument();
    time.advance(60_000);
    const pings = sent(server.socket, "ping").length;
    expect(pings).toBeGreaterThanOrEqual(3);
    expect(pings).toBeLessThanOrEqual(5);
  });

  it("gives a server that is still there time to answer after a sleep", () => {
    const { client } = openDocument();
    time.sleep(300_000);
    time.advance(50_000);
    expect([client.state.kind, server.attempts]).toEqual(["live", 1]);
  });

  it("finds out after a sleep that the server is gone", () => {
    openDocument();
    server.intercept = () => true;
    time.sleep(300_000);
    time.advance(12_000);
    expect(server.attempts).toBe(2);
  });

  it("finds out that the server is gone without a word", () => {
    const { client } = openDocument();
    server.intercept = () => true;
    const before = server.attempts;
    time.advance(39_000);
    expect([client.state.kind, server.attempts]).toEqual(["live", before]);
    time.advance(3_000);
    expect(server.attempts).toBe(before + 1);
  });
});

describe("a document", () => {
  it("is the same as long as it is open, and shares the connection with others", () => {
    server.create("e");
    const { client, document } = openDocument();
    const other = client.open("e");
    expect(client.open("d")).toBe(document);
    expect(other).not.toBe(document);
    time.advance(10);
    other.submit(insert("x"));
    document.submit(insert("y"));
    time.advance(10);
    expect([server.content("d"), server.content("e"), server.attempts]).toEqual([insert("yHello"), insert("x"), 1]);
  });

  it("takes nothing before it is ready", () => {
    const document = connect().open("d");
    expect(() => document.submit(insert("x"))).toThrow(/ready/);
  });

  it("that doesn't exist is refused for good", async () => {
    const client = connect();
    const document = client.open("nowhere");
    time.advance(10);
    await expect(document.ready).rejects.toMatchObject({ name: "RefusedError", code: "DOCUMENT_NOT_FOUND" });
    expect(document.state).toMatchObject({ kind: "refused", reason: { code: "DOCUMENT_NOT_FOUND" } });
    expect(client.state.kind).toBe("live");
    server.create("nowhere");
    const again = client.open("nowhere");
    expect(again).not.toBe(document);
    time.advance(10);
    expect(again.state.kind).toBe("live");
  });

  it("that can't be opened now is tried again later", () => {
    refuseOpen(ErrorCode.LOG_UNAVAILABLE, Retry.LATER, 1_000);
    const { document } = openDocument();
    time.advance(900);
    expect(sent(server.socket, "open").length).toBe(1);
    server.intercept = () => false;
    time.advance(2_000);
    expect(document.state.kind).toBe("live");
  });

  it("of a type this client doesn't know is refused", () => {
    server.type = "spreadsheet";
    expect(openDocument().document.state).toMatchObject({ kind: "refused", reason: { code: "UNSUPPORTED_TYPE" } });
  });

  it("that is deleted is refused, and unsaved edits are handed back", () => {
    const { client, document, refused } = openDocument();
    server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    document.submit(insert("2"));
    server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.DELETED, message: "Gone." } });
    time.advance(10);
    expect(refused.map(([operation, error]) => [operation, error.code])).toEqual([[insert("1"), "DELETED"], [insert("2"), "DELETED"]]);
    expect([document.state.kind, client.state]).toEqual(["refused", { kind: "live", unsaved: 0 }]);
    expect(() => document.submit(insert("3"))).toThrow(RefusedError);
  });

  it("that the server drops is opened again from the version there is", () => {
    const { document, resets } = openDocument();
    server.socket.open.delete("d");
    server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.REOPEN } });
    server.commit("d", insert("!"));
    time.advance(10);
    expect(sent(server.socket, "open").map(({ fromVersion }) => fromVersion)).toEqual([undefined, 1n]);
    expect([document.content, document.state.kind, resets.length]).toEqual([insert("!Hello"), "live", 1]);
  });

  it("with a gap in what was committed is opened again from the version there is", () => {
    const { document } = openDocument();
    server.logs.get("d")!.push({ clientId: 2n, sequence: 1n, operation: insert("A") });
    server.commit("d", insert("B"));
    time.advance(20);
    expect([document.content, document.version, document.fault]).toEqual([insert("BAHello"), 3, undefined]);
  });

  it("is loaded anew when a committed operation makes no sense, and edits are handed back", () => {
    const { document, resets, refused } = openDocument();
    server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    time.advance(5);
    server.intercept = () => false;
    const nonsense = { clientId: 2n, clientSeq: 1n, operation: new Uint8Array([0xff]) };
    server.socket.send({ case: "committed", value: { documentId: "d", baseVersion: 1n, operations: [nonsense] } });
    time.advance(20);
    expect([resets.length, document.content, document.state.kind]).toEqual([2, insert("Hello"), "live"]);
    expect(refused[0]![0]).toEqual(insert("1"));
    expect(refused[0]![1].code).toBe("CONTENT_RESET");
    expect(document.fault).toBeInstanceOf(Error);
  });

  it("is loaded anew at longer and longer intervals when that doesn't help", () => {
    openDocument();
    server.intercept = (socket, body) => {
      if (body.case === "open") socket.send({ case: "opened", value: { documentId: "d", type: "text", snapshot: new Uint8Array([0]) } });
      return body.case === "open";
    };
    server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.REOPEN } });
    time.advance(60_000);
    expect(sent(server.socket, "open").length).toBeLessThan(14);
  });

  it("that the server has an older version of is loaded anew", () => {
    const { document, resets } = openDocument();
    document.submit(insert("1"));
    time.advance(10);
    server.logs.get("d")!.pop();
    server.socket.drop();
    time.advance(2_000);
    expect([document.content, document.version, resets.length]).toEqual([insert("Hello"), 1, 2]);
  });

  it("learns its new title", () => {
    const { document } = openDocument();
    server.socket.send({ case: "renamed", value: { documentId: "d", title: "Other" } });
    time.advance(5);
    expect(document.title).toBe("Other");
  });

  it("waits with closing until everything is saved", () => {
    const { client, document } = openDocument();
    document.submit(insert("1"));
    document.submit(insert("2"));
    document.close();
    expect(document.state).toEqual({ kind: "live", unsaved: 2 });
    expect(() => document.submit(insert("3"))).toThrow(/closed/);
    time.advance(20);
    expect([document.state, server.content("d")]).toEqual([{ kind: "closed", unsaved: 0 }, insert("21Hello")]);
    expect(sent(server.socket, "close").length).toBe(1);
    const again = client.open("d");
    time.advance(10);
    again.submit(insert("3"));
    time.advance(10);
    // Numbered on: under a number used before the server would take it for that operation.
    expect(sent(server.socket, "submit").map(({ clientSeq }) => clientSeq)).toEqual([1n, 2n, 3n]);
    expect(again.content).toEqual(insert("321Hello"));
  });

  it("that waits with closing can be opened again", () => {
    const { client, document } = openDocument();
    document.submit(insert("1"));
    document.close();
    expect(client.open("d")).toBe(document);
    document.submit(insert("2"));
    time.advance(20);
    expect(document.state).toEqual({ kind: "live", unsaved: 0 });
  });

  it("tells when everything is saved", async () => {
    const { document } = openDocument();
    document.submit(insert("1"));
    const saved = document.saved();
    time.advance(20);
    await saved;
    expect(document.unsaved).toBe(false);
  });

  it("tells of its state and the client's", () => {
    const { client, document } = openDocument();
    const states: string[] = [];
    document.on("state", ({ kind, unsaved }) => states.push(`document ${kind} ${unsaved}`));
    client.on("state", ({ kind, unsaved }) => states.push(`client ${kind} ${unsaved}`));
    document.submit(insert("1"));
    time.advance(10);
    server.socket.drop();
    time.advance(1);
    time.advance(1_000);
    expect(states).toEqual([
      "document live 1", "client live 1", "document live 0", "client live 0",
      "document offline 0", "client offline 0", "document connecting 0", "client connecting 0",
      "client live 0", "document live 0",
    ]);
  });

  it("goes on when a listener throws", () => {
    const { document, changes } = openDocument();
    const thrown: unknown[] = [];
    const catchIt = (error: unknown): void => void thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", catchIt);
    document.on("change", () => {
      throw new Error("a mistake");
    });
    server.commit("d", insert("!"));
    time.advance(5);
    return new Promise((resolve) => setImmediate(resolve)).then(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
      expect([changes.length, document.content, String(thrown[0])]).toEqual([1, insert("!Hello"), "Error: a mistake"]);
    });
  });
});

describe("an edit", () => {
  it("that is refused for good is taken back and handed back, and what was typed since stays", () => {
    const { document, refused, changes, client } = openDocument();
    refuseNextSubmit(ErrorCode.DOCUMENT_TOO_LARGE, Retry.NEVER);
    document.submit(insert("BAD"));
    document.submit(insert("good", 3));
    time.advance(20);
    expect(refused.map(([operation, { code }]) => [operation, code])).toEqual([[insert("BAD"), "DOCUMENT_TOO_LARGE"]]);
    expect(changes).toEqual([new Delta().delete(3)]);
    expect([document.content, server.content("d")]).toEqual([insert("goodHello"), insert("goodHello")]);
    expect(client.state).toEqual({ kind: "live", unsaved: 0 });
  });

  it("that the content here must be wrong for is handed back, and the content loaded anew", () => {
    const { document, refused, resets } = openDocument();
    refuseNextSubmit(ErrorCode.OPERATION_OUT_OF_RANGE, Retry.NEVER);
    document.submit(insert("1"));
    document.submit(insert("2"));
    time.advance(20);
    expect(refused.map(([operation, { code }]) => [operation, code])).toEqual([
      [insert("1"), "OPERATION_OUT_OF_RANGE"],
      [insert("2"), "CONTENT_RESET"],
    ]);
    expect([resets.length, document.content, document.state]).toEqual([2, insert("Hello"), { kind: "live", unsaved: 0 }]);
  });

  it("that can't be taken now is sent again after the time the server says", () => {
    const { document } = openDocument();
    refuseNextSubmit(ErrorCode.TOO_MANY_PENDING, Retry.LATER, 1_000);
    document.submit(insert("1"));
    time.advance(900);
    document.submit(insert("2"));
    expect(sent(server.socket, "submit").length).toBe(1);
    time.advance(1_000);
    expect(sent(server.socket, "submit").map(({ clientSeq }) => clientSeq)).toEqual([1n, 1n, 2n]);
    expect(server.content("d")).toEqual(insert("21Hello"));
  });

  it("is sent again after opening anew when the server says so", () => {
    const { document } = openDocument();
    refuseNextSubmit(ErrorCode.INTERNAL, Retry.REOPEN);
    document.submit(insert("1"));
    time.advance(20);
    expect(sent(server.socket, "open").length).toBe(2);
    expect([server.content("d"), document.unsaved]).toEqual([insert("1Hello"), false]);
  });

  it("that is too large for the server is refused before it is sent", () => {
    server.limits.operationBytes = 100;
    const { document, refused } = openDocument();
    document.submit(insert("x".repeat(100)));
    document.submit(insert("y"));
    time.advance(20);
    expect(refused[0]![1]).toMatchObject({ code: "OPERATION_TOO_LARGE", limit: "operation_bytes", limitValue: 100 });
    expect(server.content("d")).toEqual(insert("yHello"));
    expect(document.content).toEqual(insert("yHello"));
  });

  it("that the server merged otherwise is corrected here", () => {
    const { document, changes } = openDocument();
    server.intercept = (_socket, body) => {
      if (body.case !== "submit") return false;
      server.logs.get("d")!.length = 1;
      server.intercept = () => false;
      const client = BigInt(clients[0]!.clientId);
      server.logs.get("d")!.push({ clientId: client, sequence: 1n, operation: insert("1", 5) });
      const operation = { clientId: client, clientSeq: 1n, operation: new Uint8Array([0x28, 0x0a, 0x31]) };
      server.socket.send({ case: "committed", value: { documentId: "d", baseVersion: 1n, operations: [operation] } });
      return true;
    };
    document.submit(insert("1"));
    document.submit(insert("2", 6));
    time.advance(20);
    expect([document.divergences, document.content, document.state.unsaved]).toEqual([1, server.content("d"), 0]);
    expect(insert("1Hello2").compose(changes[0]!)).toEqual(document.content);
  });

  it("of half a surrogate pair is refused at once", () => {
    const { document } = openDocument();
    expect(() => document.submit(insert("\uD83D"))).toThrow(RangeError);
    expect([document.unsaved, document.content]).toEqual([false, insert("Hello")]);
  });
});

describe("presence", () => {
  const shown = (document: CollaborativeDocument) =>
    document.presence.map(({ user: { name }, selection, state }) => [name, selection && [selection.anchor, selection.focus], state]);

  function two() {
    const ada = openDocument();
    const bob = openDocument({ user: { id: "u2", name: "Bob", color: "#ff0000" } });
    return { ada, bob };
  }

  it("shows who is here, and no longer when they have left", () => {
    const { ada, bob } = two();
    expect([shown(ada.document), shown(bob.document)]).toEqual([[["Bob", undefined, undefined]], [["Ada", undefined, undefined]]]);
    bob.document.setSelection({ anchor: 1, focus: 3 });
    bob.document.setPresenceState({ typing: true });
    time.advance(60);
    expect(shown(ada.document)).toEqual([["Bob", [1, 3], { typing: true }]]);
    bob.client.close();
    time.advance(5);
    expect([ada.document.presence, ada.presence.at(-1)]).toEqual([[], []]);
  });

  it("is moved by edits, one's own and others', without being sent again", () => {
    const { ada, bob } = two();
    ada.document.setSelection({ anchor: 2, focus: 2 });
    bob.document.setSelection({ anchor: 2, focus: 2 });
    time.advance(60);
    const messages = server.sockets.flatMap((socket) => sent(socket, "setPresence")).length;
    bob.document.submit(insert("xyz", 2));
    expect(shown(bob.document)).toEqual([["Ada", [2, 2], undefined]]);
    time.advance(60);
    // Bob's caret is behind what he typed, Ada's before it.
    expect(shown(ada.document)).toEqual([["Bob", [5, 5], undefined]]);
    expect(shown(bob.document)).toEqual([["Ada", [2, 2], undefined]]);
    expect(server.sockets.flatMap((socket) => sent(socket, "setPresence")).length).toBe(messages);
  });

  it("is seen behind one's own edits that aren't acknowledged yet", () => {
    const { ada, bob } = two();
    bob.document.setSelection({ anchor: 4, focus: 5 });
    time.advance(60);
    server.intercept = (_socket, body) => body.case === "submit";
    ada.document.submit(insert("12"));
    ada.document.submit(new Delta().retain(6).delete(1));
    expect(shown(ada.document)).toEqual([["Bob", [6, 6], undefined]]);
  });

  it("is sent only when nothing is unacknowledged, and not too often", () => {
    const { document } = openDocument();
    document.submit(insert("1"));
    document.setSelection({ anchor: 3, focus: 3 });
    expect(sent(server.socket, "setPresence")).toEqual([]);
    time.advance(20);
    expect(sent(server.socket, "setPresence")).toMatchObject([{ version: 2n, selection: { anchor: 3, focus: 3 } }]);
    for (let position = 0; position < 5; position++) document.setSelection({ anchor: position, focus: position });
    time.advance(200);
    expect(sent(server.socket, "setPresence").map(({ selection }) => selection?.focus)).toEqual([3, 4]);
    document.setSelection(null);
    time.advance(100);
    expect(sent(server.socket, "setPresence").at(-1)?.selection).toBeUndefined();
  });

  it("is shown again after a lost connection, and the others are not while there is none", () => {
    const { ada, bob } = two();
    bob.document.setSelection({ anchor: 1, focus: 1 });
    time.advance(60);
    const [adaSocket, bobSocket] = server.sockets;
    bobSocket!.drop();
    adaSocket!.drop();
    time.advance(1);
    expect([ada.document.presence, ada.presence.at(-1)]).toEqual([[], []]);
    time.advance(5_000);
    expect(shown(ada.document)).toEqual([["Bob", [1, 1], undefined]]);
  });

  it("knows of a new name", () => {
    const { ada, bob } = two();
    bob.client.setUser({ id: "u2", name: "Robert", color: "#00ff00" });
    time.advance(60);
    expect(ada.document.presence[0]?.user.name).toBe("Robert");
    server.sockets[1]!.drop();
    time.advance(5_000);
    expect(sent(server.socket, "hello")[0]?.user?.name).toBe("Robert");
  });

  it("of a size the server doesn't take is refused at once", () => {
    const { document } = openDocument();
    expect(() => document.setPresenceState("x".repeat(2_000))).toThrow(RangeError);
  });

  it("whose state is not JSON is shown without it", () => {
    const { document } = openDocument();
    const entry = { clientId: 9n, user: { name: "Eve" }, state: "{" };
    server.socket.send({ case: "presenceChanged", value: { documentId: "d", version: 1n, entries: [entry] } });
    time.advance(5);
    expect(document.presence).toEqual([{ clientId: "9", user: { id: "", name: "Eve", color: "" } }]);
  });
});

describe("nonsense from the server", () => {
  it.each([["bytes", new Uint8Array([1, 2, 3])], ["an unknown message", new Uint8Array([0x0a, 0x03, 0xfa, 0x3f, 0x00])]])("%s loses at most the connection", (_name, bytes) => {
    const { client, document } = openDocument();
    server.socket.sendBytes(bytes);
    time.advance(2_000);
    document.submit(insert("1"));
    time.advance(20);
    expect([client.state.kind, server.content("d")]).toEqual(["live", insert("1Hello")]);
  });
});
