// The connection of one client: handshake, coming back, heartbeat, nonsense from the server.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import { RefusedError } from "../src/errors.js";
import { ErrorCode, Retry } from "../src/generated/cloudsync/v1/frame_pb.js";
import { decodeOperation } from "../src/operation-codec.js";
import { insert, sent, user, useStage } from "./support/stage.js";

const stage = useStage();

describe("the handshake", () => {
  it("says who is there, and opens what is to be opened when it is answered", async () => {
    const { client, document, resets } = stage.openDocument({ token: "secret", clientId: "18446744073709551615" });
    const [hello] = sent(stage.server.socket, "hello");
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
    stage.connect({ token: () => `token ${++count}` });
    for (const expected of ["token 1", "token 2"]) {
      stage.time.advance(20);
      await Promise.resolve().then(() => {}).then(() => {});
      stage.time.advance(20);
      expect(sent(stage.server.socket, "hello")[0]?.token).toBe(expected);
      stage.server.socket.drop();
      stage.time.advance(1_000);
    }
  });

  it("names the first document it opens in the address, for a load balancer, now and when it comes back", () => {
    const client = stage.connect({ url: "ws://x/sync?tenant=a%20b" });
    client.open("d");
    client.open("other");
    stage.time.advance(20);
    stage.server.socket.drop();
    stage.time.advance(1_000);
    expect(stage.server.urls).toEqual(Array(2).fill("ws://x/sync?tenant=a+b&document=d"));
  });

  it("connects by itself where no document is opened", () => {
    stage.connect();
    stage.time.advance(20);
    expect(stage.server.urls).toEqual(["ws://x/sync"]);
  });

  it("says at once that an address is none", () => {
    expect(() => stage.connect({ url: "http://[" })).toThrow(TypeError);
  });

  it("gives up when it isn't answered, and tries again", () => {
    stage.server.intercept = () => true;
    const client = stage.connect();
    stage.time.advance(14_000);
    expect([client.state.kind, stage.server.attempts]).toEqual(["connecting", 1]);
    stage.time.advance(2_000);
    expect(stage.server.attempts).toBe(2);
  });

  it("refuses a protocol version it doesn't speak", () => {
    stage.server.intercept = (socket, body) => {
      if (body.case === "hello") socket.send({ case: "welcome", value: { protocolVersion: 2 } });
      return true;
    };
    expect(stage.openDocument().client.state).toMatchObject({ kind: "refused", reason: { code: "UNSUPPORTED_PROTOCOL_VERSION" } });
  });

  it.each(["0", "-1", "18446744073709551616"])("doesn't take %s as a client id", (clientId) => {
    expect(() => stage.connect({ clientId })).toThrow(RangeError);
  });

  it("makes up a client id of its own", () => {
    expect(stage.connect().clientId).not.toBe(stage.connect().clientId);
  });
});

describe("coming back", () => {
  it("waits longer and longer, by chance, up to a bound", () => {
    stage.random = 0.999;
    stage.server.isDown = true;
    const client = stage.connect();
    const waits: number[] = [];
    for (let count = 0; count < 9; count++) {
      stage.time.advance(3);
      expect(client.state.kind).toBe("offline");
      waits.push(Math.round(client.state.retryInMs! / 250));
      stage.time.advance(client.state.retryInMs! + 1);
    }
    expect(waits).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("begins with short waits again after a good connection", () => {
    stage.random = 0.999;
    const { client } = stage.openDocument();
    for (let count = 0; count < 3; count++) {
      stage.time.advance(6_000);
      stage.server.socket.drop();
      stage.time.advance(2);
      expect(client.state.retryInMs).toBeCloseTo(250, -1);
      stage.time.advance(300);
    }
  });

  it("forgets one attempt for each two seconds that a connection lasted", () => {
    stage.random = 0.999;
    const { client } = stage.openDocument();
    const waitAfter = (lasts_ms: number): number => {
      stage.time.advance(lasts_ms);
      stage.server.socket.drop();
      stage.time.advance(2);
      const wait_ms = client.state.retryInMs!;
      stage.time.advance(wait_ms + 1);
      return Math.round(wait_ms / 250);
    };
    expect([500, 500, 500, 500, 5_000, 60_000].map(waitAfter)).toEqual([1, 2, 3, 4, 3, 1]);
  });

  it("resumes from its version, and sends again what wasn't acknowledged, under the same number", () => {
    const { client, document, changes, resets } = stage.openDocument();
    stage.server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    document.submit(insert("2"));
    stage.time.advance(5);
    stage.server.socket.drop();
    stage.server.intercept = () => false;
    stage.server.commit("d", insert("!", 5));
    stage.time.advance(2);
    expect(client.state).toMatchObject({ kind: "offline", unsaved: 2 });
    expect(document.state).toEqual({ kind: "offline", unsaved: 2 });
    document.submit(insert("3", 2));
    stage.time.advance(1_000);
    expect(sent(stage.server.socket, "open")[0]?.fromVersion).toBe(1n);
    const submits = sent(stage.server.socket, "submit").map(({ clientSeq, baseVersion, operation }) => [clientSeq, baseVersion, decodeOperation(operation)]);
    expect(submits).toEqual([[1n, 2n, insert("1")], [2n, 3n, new Delta().insert("2").retain(1).insert("3")]]);
    expect(stage.server.content("d")).toEqual(insert("213Hello!"));
    expect(document.content).toEqual(insert("213Hello!"));
    expect([changes, resets.length, client.state.unsaved]).toEqual([[insert("!", 8)], 1, 0]);
  });

  it("finds in what it missed that its operation had arrived", () => {
    const { document } = stage.openDocument();
    stage.server.delay = () => 10;
    document.submit(insert("1"));
    stage.time.advance(12);
    expect(stage.server.logs.get("d")!.length).toBe(2);
    stage.server.socket.drop();
    stage.time.advance(2_000);
    expect(stage.server.content("d")).toEqual(insert("1Hello"));
    expect(document.state).toEqual({ kind: "live", unsaved: 0 });
    expect(sent(stage.server.socket, "submit")).toEqual([]);
  });

  it("when the server says, if it is going away", () => {
    const { client } = stage.openDocument();
    stage.server.socket.send({ case: "goingAway", value: { reconnectAfterMsMin: 2_000, reconnectAfterMsMax: 6_000, reason: "update" } });
    stage.time.advance(1_000);
    expect(client.state.kind).toBe("live");
    stage.server.socket.drop(4001);
    stage.time.advance(5);
    expect(client.state.retryInMs).toBeGreaterThan(2_950);
    expect(client.state.retryInMs).toBeLessThan(3_000);
  });

  it("by itself at the moment that a server which stops has named, and not before", () => {
    const { client } = stage.openDocument();
    stage.server.socket.send({ case: "goingAway", value: { reconnectAfterMsMin: 2_000, reconnectAfterMsMax: 2_000, reason: "update" } });
    const first = stage.server.socket;
    stage.time.advance(1_990);
    expect(client.state.kind).toBe("live");
    expect(stage.server.socket).toBe(first);
    stage.time.advance(50);
    expect(stage.server.socket).not.toBe(first);
    expect(client.state.kind).toBe("live");
  });

  it("at once at that moment, also if the server named it before it welcomed", () => {
    stage.server.intercept = (socket, body) => {
      if (body.case !== "hello") return false;
      stage.server.intercept = () => false;
      socket.send({ case: "goingAway", value: { reconnectAfterMsMin: 2_000, reconnectAfterMsMax: 2_000, reason: "update" } });
      return false;
    };
    const { client } = stage.openDocument();
    const first = stage.server.socket;
    stage.time.advance(1_970);
    expect(client.state.kind).toBe("live");
    expect(stage.server.socket).toBe(first);
    stage.time.advance(50);
    expect(stage.server.socket).not.toBe(first);
    expect(client.state.kind).toBe("live");
  });

  it("and tells the server which it leaves whether it comes back", () => {
    const { client } = stage.openDocument();
    const first = stage.server.socket;
    first.send({ case: "goingAway", value: { reconnectAfterMsMin: 100, reconnectAfterMsMax: 100, reason: "update" } });
    stage.time.advance(200);
    expect(first.closedWith).toBe(4000);
    expect(client.state.kind).toBe("live");
    const second = stage.server.socket;
    client.close();
    expect(second.closedWith).toBe(1000);
  });

  it("and says again what it shows, also if that is nothing", () => {
    const { document } = stage.openDocument();
    document.setSelection({ anchor: 1, focus: 2 });
    stage.time.advance(100);
    document.setSelection(null);
    stage.server.socket.drop();
    stage.time.advance(2_000);
    const shown = sent(stage.server.socket, "setPresence");
    expect(shown).toHaveLength(1);
    expect(shown[0]!.selection).toBeUndefined();
  });

  it("not before the server wants, if there are too many connections", () => {
    stage.server.intercept = (socket, body) => {
      if (body.case !== "hello") return false;
      socket.send({ case: "error", value: { code: ErrorCode.TOO_MANY_CONNECTIONS, message: "Full.", retry: Retry.LATER, retryAfterMs: 9_000 } });
      return true;
    };
    const client = stage.connect();
    stage.time.advance(5);
    stage.server.socket.drop(4002);
    stage.time.advance(5);
    expect(client.state.kind).toBe("offline");
    expect(client.state.retryInMs).toBeGreaterThan(8_990);
  });

  it("each time it is refused, with a time of its own on top that grows", () => {
    stage.server.intercept = (socket, body) => {
      if (body.case !== "hello") return false;
      socket.send({ case: "error", value: { code: ErrorCode.GATEWAY_BUSY, message: "Busy.", retry: Retry.LATER, retryAfterMs: 7_000 } });
      return true;
    };
    const client = stage.connect();
    for (let attempts = 1; attempts < 10; attempts++) {
      stage.time.advance(10);
      stage.server.socket.drop(4007);
      stage.time.advance(5);
      expect(client.state.retryInMs).toBeGreaterThan(6_980);
      expect(client.state.retryInMs).toBeLessThanOrEqual(7_000 + attempts * 250);
      stage.time.advance(client.state.retryInMs! - 10);
      expect(stage.server.attempts).toBe(attempts);
      stage.time.advance(12);
      expect(stage.server.attempts).toBe(attempts + 1);
    }
  });

  it("and asks for a document that isn't opened just now not before the server wants", () => {
    let refusals = 2;
    let opens = 0;
    stage.server.intercept = (socket, body) => {
      if (body.case !== "open") return false;
      opens++;
      if (refusals-- <= 0) return false;
      const documentId = body.value.documentId;
      socket.send({ case: "error", value: { code: ErrorCode.GATEWAY_BUSY, message: "Busy.", retry: Retry.LATER, retryAfterMs: 3_000, documentId } });
      return true;
    };
    const { document } = stage.openDocument();
    stage.time.advance(2_900);
    expect(opens).toBe(1);
    stage.time.advance(1_000);
    expect(opens).toBe(2);
    stage.time.advance(2_400);
    expect(opens).toBe(2);
    stage.time.advance(3_000);
    expect(opens).toBe(3);
    expect(document.state.kind).toBe("live");
  });

  it.each([[4000, "offline"], [4099, "offline"], [1001, "offline"], [4100, "refused"], [4199, "refused"]])(
    "after close code %i: %s", (code, kind) => {
      const { client } = stage.openDocument();
      stage.server.socket.drop(code, "because");
      stage.time.advance(5);
      expect(client.state.kind).toBe(kind);
      if (kind === "refused") expect(client.state.reason).toMatchObject({ code: `CLOSE_${code}`, message: "because" });
    });

  it("not for ever after a refusal that won't change: only when told to", async () => {
    let refuses = true;
    stage.server.intercept = (socket, body) => {
      if (body.case !== "hello" || !refuses) return false;
      socket.send({ case: "error", value: { code: ErrorCode.UNAUTHORIZED, message: "Who are you?", retry: Retry.NEVER } });
      return true;
    };
    const { client, document } = stage.openDocument();
    stage.time.advance(3_600_000);
    expect(client.state).toMatchObject({ kind: "refused", reason: { code: "UNAUTHORIZED", message: "Who are you?" } });
    expect(document.state.kind).toBe("refused");
    expect(stage.server.attempts).toBe(1);
    await expect(document.ready).rejects.toThrow(RefusedError);
    refuses = false;
    client.reconnect();
    stage.time.advance(20);
    expect([client.state.kind, document.state.kind]).toEqual(["live", "live"]);
    expect(document.content).toEqual(insert("Hello"));
  });

  it("at once when told to", () => {
    const { client } = stage.openDocument();
    stage.server.isDown = true;
    stage.server.socket.drop();
    stage.time.advance(100_000);
    stage.server.isDown = false;
    client.reconnect();
    stage.time.advance(10);
    expect(client.state.kind).toBe("live");
  });

  it("leaves no timer behind when it is closed", () => {
    const { client, document } = stage.openDocument();
    document.setSelection({ anchor: 1, focus: 1 });
    client.close();
    stage.time.advance(10);
    expect([stage.time.waiting, client.state, document.state.kind]).toEqual([0, { kind: "offline", unsaved: 0 }, "closed"]);
    stage.time.advance(100_000);
    expect(stage.server.attempts).toBe(1);
    expect(() => client.open("d")).toThrow();
  });
});

describe("the heartbeat", () => {
  it("is sent when nothing else was, the first one early by chance", () => {
    stage.openDocument();
    stage.time.advance(60_000);
    const pings = sent(stage.server.socket, "ping").length;
    expect(pings).toBeGreaterThanOrEqual(3);
    expect(pings).toBeLessThanOrEqual(5);
  });

  it("gives a server that is still there time to answer after a sleep", () => {
    const { client } = stage.openDocument();
    stage.time.sleep(300_000);
    stage.time.advance(50_000);
    expect([client.state.kind, stage.server.attempts]).toEqual(["live", 1]);
  });

  it("finds out after a sleep that the server is gone", () => {
    stage.openDocument();
    stage.server.intercept = () => true;
    stage.time.sleep(300_000);
    stage.time.advance(12_000);
    expect(stage.server.attempts).toBe(2);
  });

  it("finds out that the server is gone without a word", () => {
    const { client } = stage.openDocument();
    stage.server.intercept = () => true;
    const before = stage.server.attempts;
    stage.time.advance(39_000);
    expect([client.state.kind, stage.server.attempts]).toEqual(["live", before]);
    stage.time.advance(3_000);
    expect(stage.server.attempts).toBe(before + 1);
  });
});

describe("nonsense from the server", () => {
  it.each([["bytes", new Uint8Array([1, 2, 3])], ["an unknown message", new Uint8Array([0x0a, 0x03, 0xfa, 0x3f, 0x00])]])("%s loses at most the connection", (_name, bytes) => {
    const { client, document } = stage.openDocument();
    stage.server.socket.sendBytes(bytes);
    stage.time.advance(2_000);
    document.submit(insert("1"));
    stage.time.advance(20);
    expect([client.state.kind, stage.server.content("d")]).toEqual(["live", insert("1Hello")]);
  });
});
