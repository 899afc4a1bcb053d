// One document of one client: opening, being loaded anew, closing, and what becomes of its edits.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import { RefusedError } from "../src/errors.js";
import { ClosedReason } from "../src/generated/cloudsync/v1/document_pb.js";
import { ErrorCode, Retry } from "../src/generated/cloudsync/v1/frame_pb.js";
import { insert, sent, useStage } from "./support/stage.js";

const stage = useStage();

describe("a document", () => {
  it("is the same as long as it is open, and shares the connection with others", () => {
    stage.server.create("e");
    const { client, document } = stage.openDocument();
    const other = client.open("e");
    expect(client.open("d")).toBe(document);
    expect(other).not.toBe(document);
    stage.time.advance(10);
    other.submit(insert("x"));
    document.submit(insert("y"));
    stage.time.advance(10);
    expect([stage.server.content("d"), stage.server.content("e"), stage.server.attempts]).toEqual([insert("yHello"), insert("x"), 1]);
  });

  it("takes nothing before it is ready", () => {
    const document = stage.connect().open("d");
    expect(() => document.submit(insert("x"))).toThrow(/ready/);
  });

  it("that doesn't exist is refused for good", async () => {
    const client = stage.connect();
    const document = client.open("nowhere");
    stage.time.advance(10);
    await expect(document.ready).rejects.toMatchObject({ name: "RefusedError", code: "DOCUMENT_NOT_FOUND" });
    expect(document.state).toMatchObject({ kind: "refused", reason: { code: "DOCUMENT_NOT_FOUND" } });
    expect(client.state.kind).toBe("live");
    stage.server.create("nowhere");
    const again = client.open("nowhere");
    expect(again).not.toBe(document);
    stage.time.advance(10);
    expect(again.state.kind).toBe("live");
  });

  it("that can't be opened now is tried again later", () => {
    stage.refuseOpen(ErrorCode.LOG_UNAVAILABLE, Retry.LATER, 1_000);
    const { document } = stage.openDocument();
    stage.time.advance(900);
    expect(sent(stage.server.socket, "open").length).toBe(1);
    stage.server.intercept = () => false;
    stage.time.advance(2_000);
    expect(document.state.kind).toBe("live");
  });

  it("of a type this client doesn't know is refused", () => {
    stage.server.type = "spreadsheet";
    expect(stage.openDocument().document.state).toMatchObject({ kind: "refused", reason: { code: "UNSUPPORTED_TYPE" } });
  });

  it("that is deleted is refused, and unsaved edits are handed back", () => {
    const { client, document, refused } = stage.openDocument();
    stage.server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    document.submit(insert("2"));
    stage.server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.DELETED, message: "Gone." } });
    stage.time.advance(10);
    expect(refused.map(([operation, error]) => [operation, error.code])).toEqual([[insert("1"), "DELETED"], [insert("2"), "DELETED"]]);
    expect([document.state.kind, client.state]).toEqual(["refused", { kind: "live", unsaved: 0 }]);
    expect(() => document.submit(insert("3"))).toThrow(RefusedError);
  });

  it("that the server drops is opened again from the version there is", () => {
    const { document, resets } = stage.openDocument();
    stage.server.socket.open.delete("d");
    stage.server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.REOPEN } });
    stage.server.commit("d", insert("!"));
    stage.time.advance(10);
    expect(sent(stage.server.socket, "open").map(({ fromVersion }) => fromVersion)).toEqual([undefined, 1n]);
    expect([document.content, document.state.kind, resets.length]).toEqual([insert("!Hello"), "live", 1]);
  });

  it("with a gap in what was committed is opened again from the version there is", () => {
    const { document } = stage.openDocument();
    stage.server.logs.get("d")!.push({ clientId: 2n, sequence: 1n, operation: insert("A") });
    stage.server.commit("d", insert("B"));
    stage.time.advance(20);
    expect([document.content, document.version, document.fault]).toEqual([insert("BAHello"), 3, undefined]);
  });

  it("is loaded anew when a committed operation makes no sense, and edits are handed back", () => {
    const { document, resets, refused } = stage.openDocument();
    stage.server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    stage.time.advance(5);
    stage.server.intercept = () => false;
    const nonsense = { clientId: 2n, clientSeq: 1n, operation: new Uint8Array([0xff]) };
    stage.server.socket.send({ case: "committed", value: { documentId: "d", baseVersion: 1n, operations: [nonsense] } });
    stage.time.advance(20);
    expect([resets.length, document.content, document.state.kind]).toEqual([2, insert("Hello"), "live"]);
    expect(refused[0]![0]).toEqual(insert("1"));
    expect(refused[0]![1].code).toBe("CONTENT_RESET");
    expect(document.fault).toBeInstanceOf(Error);
  });

  it("does not drop pending edits silently when the server was rolled back, but hands them back", () => {
    const { document, refused } = stage.openDocument();
    document.submit(insert("gone "));
    stage.time.advance(20);
    stage.server.socket.drop();
    stage.server.create("d", insert("Restored"));
    document.submit(insert("pending "));
    stage.time.advance(60_000);
    expect([document.content, document.unsaved, document.state.kind]).toEqual([insert("Restored"), false, "live"]);
    expect(refused.map(([operation, error]) => [operation, error.code])).toEqual([[insert("pending "), "CONTENT_RESET"]]);
    expect(stage.server.content("d")).toEqual(insert("Restored"));
  });

  it("is loaded anew at longer and longer intervals when that doesn't help", () => {
    stage.openDocument();
    stage.server.intercept = (socket, body) => {
      if (body.case === "open") socket.send({ case: "opened", value: { documentId: "d", type: "text", snapshot: new Uint8Array([0]) } });
      return body.case === "open";
    };
    stage.server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.REOPEN } });
    stage.time.advance(60_000);
    expect(sent(stage.server.socket, "open").length).toBeLessThan(40);
  });

  it("that the server has an older version of is loaded anew", () => {
    const { document, resets } = stage.openDocument();
    document.submit(insert("1"));
    stage.time.advance(10);
    stage.server.logs.get("d")!.pop();
    stage.server.socket.drop();
    stage.time.advance(2_000);
    expect([document.content, document.version, resets.length]).toEqual([insert("Hello"), 1, 2]);
  });

  it("learns its new title", () => {
    const { document } = stage.openDocument();
    stage.server.socket.send({ case: "renamed", value: { documentId: "d", title: "Other" } });
    stage.time.advance(5);
    expect(document.title).toBe("Other");
  });

  it("waits with closing until everything is saved", () => {
    const { client, document } = stage.openDocument();
    document.submit(insert("1"));
    document.submit(insert("2"));
    document.close();
    expect(document.state).toEqual({ kind: "live", unsaved: 2 });
    expect(() => document.submit(insert("3"))).toThrow(/closed/);
    stage.time.advance(20);
    expect([document.state, stage.server.content("d")]).toEqual([{ kind: "closed", unsaved: 0 }, insert("21Hello")]);
    expect(sent(stage.server.socket, "close").length).toBe(1);
    const again = client.open("d");
    stage.time.advance(10);
    again.submit(insert("3"));
    stage.time.advance(10);
    // Numbered on: under a number used before the server would take it for that operation.
    expect(sent(stage.server.socket, "submit").map(({ clientSeq }) => clientSeq)).toEqual([1n, 2n, 3n]);
    expect(again.content).toEqual(insert("321Hello"));
  });

  it("that waits with closing can be opened again", () => {
    const { client, document } = stage.openDocument();
    document.submit(insert("1"));
    document.close();
    expect(client.open("d")).toBe(document);
    document.submit(insert("2"));
    stage.time.advance(20);
    expect(document.state).toEqual({ kind: "live", unsaved: 0 });
  });

  it("tells when everything is saved", async () => {
    const { document } = stage.openDocument();
    document.submit(insert("1"));
    const saved = document.saved();
    stage.time.advance(20);
    await saved;
    expect(document.unsaved).toBe(false);
  });

  it("is not saved when an edit was refused at once", async () => {
    stage.server.limits.operationBytes = 100;
    const { document, refused } = stage.openDocument();
    document.submit(insert("x".repeat(100)));
    expect([refused.length, document.unsaved]).toEqual([1, false]);
    await expect(document.saved()).rejects.toBe(refused[0]![1]);
    // Told once: what is edited now is another matter.
    document.submit(insert("y"));
    const saved = document.saved();
    stage.time.advance(20);
    await saved;
  });

  it("is not saved when the server refuses an edit, however many wait and whatever comes after it", async () => {
    const { document } = stage.openDocument();
    stage.refuseNextSubmit(ErrorCode.OPERATION_NOT_ALLOWED_BY_TYPE, Retry.NEVER);
    document.submit(insert("1"));
    const [first, second] = [document.saved(), document.saved()];
    const told = Promise.allSettled([first, second]);
    document.submit(insert("2"));
    const third = document.saved();
    const toldThird = Promise.allSettled([third]);
    stage.time.advance(20);
    const code = "OPERATION_NOT_ALLOWED_BY_TYPE";
    expect([...(await told), ...(await toldThird)]).toMatchObject(Array(3).fill({ status: "rejected", reason: { name: "RefusedError", code } }));
    stage.time.advance(20);
    await document.saved();
    expect(stage.server.content("d")).toEqual(insert("2Hello"));
  });

  it("is not saved when it is deleted first", async () => {
    const { document } = stage.openDocument();
    stage.server.intercept = (_socket, body) => body.case === "submit";
    document.submit(insert("1"));
    const saved = expect(document.saved()).rejects.toMatchObject({ name: "RefusedError", code: "DELETED" });
    stage.time.advance(20);
    stage.server.socket.send({ case: "closed", value: { documentId: "d", reason: ClosedReason.DELETED, message: "" } });
    stage.time.advance(20);
    await saved;
  });

  it("tells of its state and the client's", () => {
    const { client, document } = stage.openDocument();
    const states: string[] = [];
    document.on("state", ({ kind, unsaved }) => states.push(`document ${kind} ${unsaved}`));
    client.on("state", ({ kind, unsaved }) => states.push(`client ${kind} ${unsaved}`));
    document.submit(insert("1"));
    stage.time.advance(10);
    stage.server.socket.drop();
    stage.time.advance(1);
    stage.time.advance(1_000);
    expect(states).toEqual([
      "document live 1", "client live 1", "document live 0", "client live 0",
      "document offline 0", "client offline 0", "document connecting 0", "client connecting 0",
      "client live 0", "document live 0",
    ]);
  });

  it("goes on when a listener throws", () => {
    const { document, changes } = stage.openDocument();
    const thrown: unknown[] = [];
    const catchIt = (error: unknown): void => void thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", catchIt);
    document.on("change", () => {
      throw new Error("a mistake");
    });
    stage.server.commit("d", insert("!"));
    stage.time.advance(5);
    return new Promise((resolve) => setImmediate(resolve)).then(() => {
      process.removeAllListeners("uncaughtException");
      for (const listener of others) process.on("uncaughtException", listener);
      expect([changes.length, document.content, String(thrown[0])]).toEqual([1, insert("!Hello"), "Error: a mistake"]);
    });
  });
});

describe("an edit", () => {
  it("that is refused for good is taken back and handed back, and what was typed since stays", () => {
    const { document, refused, changes, client } = stage.openDocument();
    stage.refuseNextSubmit(ErrorCode.DOCUMENT_TOO_LARGE, Retry.NEVER);
    document.submit(insert("BAD"));
    document.submit(insert("good", 3));
    stage.time.advance(20);
    expect(refused.map(([operation, { code }]) => [operation, code])).toEqual([[insert("BAD"), "DOCUMENT_TOO_LARGE"]]);
    expect(changes).toEqual([new Delta().delete(3)]);
    expect([document.content, stage.server.content("d")]).toEqual([insert("goodHello"), insert("goodHello")]);
    expect(client.state).toEqual({ kind: "live", unsaved: 0 });
  });

  it("that the content here must be wrong for is handed back, and the content loaded anew", () => {
    const { document, refused, resets } = stage.openDocument();
    stage.refuseNextSubmit(ErrorCode.OPERATION_OUT_OF_RANGE, Retry.NEVER);
    document.submit(insert("1"));
    document.submit(insert("2"));
    stage.time.advance(20);
    expect(refused.map(([operation, { code }]) => [operation, code])).toEqual([
      [insert("1"), "OPERATION_OUT_OF_RANGE"],
      [insert("2"), "CONTENT_RESET"],
    ]);
    expect([resets.length, document.content, document.state]).toEqual([2, insert("Hello"), { kind: "live", unsaved: 0 }]);
  });

  it("that can't be taken now is sent again after the time the server says", () => {
    const { document } = stage.openDocument();
    stage.refuseNextSubmit(ErrorCode.TOO_MANY_PENDING, Retry.LATER, 1_000);
    document.submit(insert("1"));
    stage.time.advance(900);
    document.submit(insert("2"));
    expect(sent(stage.server.socket, "submit").length).toBe(1);
    stage.time.advance(1_000);
    expect(sent(stage.server.socket, "submit").map(({ clientSeq }) => clientSeq)).toEqual([1n, 1n, 2n]);
    expect(stage.server.content("d")).toEqual(insert("21Hello"));
  });

  it("is sent again after opening anew when the server says so", () => {
    const { document } = stage.openDocument();
    stage.refuseNextSubmit(ErrorCode.INTERNAL, Retry.REOPEN);
    document.submit(insert("1"));
    stage.time.advance(20);
    expect(sent(stage.server.socket, "open").length).toBe(2);
    expect([stage.server.content("d"), document.unsaved]).toEqual([insert("1Hello"), false]);
  });

  it("that is too large for the server is refused before it is sent, and loops nowhere", () => {
    stage.server.limits.operationBytes = 100;
    const { document, refused } = stage.openDocument();
    document.submit(insert("x".repeat(100)));
    document.submit(insert("y"));
    stage.time.advance(20);
    expect(refused[0]![1]).toMatchObject({ code: "OPERATION_TOO_LARGE", limit: "operation_bytes", limitValue: 100 });
    expect(stage.server.content("d")).toEqual(insert("yHello"));
    expect(document.content).toEqual(insert("yHello"));
  });

  it("that the server merged otherwise is corrected here", () => {
    const { document, changes } = stage.openDocument();
    stage.server.intercept = (_socket, body) => {
      if (body.case !== "submit") return false;
      stage.server.logs.get("d")!.length = 1;
      stage.server.intercept = () => false;
      const client = BigInt(stage.clients[0]!.clientId);
      stage.server.logs.get("d")!.push({ clientId: client, sequence: 1n, operation: insert("1", 5) });
      const operation = { clientId: client, clientSeq: 1n, operation: new Uint8Array([0x28, 0x0a, 0x31]) };
      stage.server.socket.send({ case: "committed", value: { documentId: "d", baseVersion: 1n, operations: [operation] } });
      return true;
    };
    document.submit(insert("1"));
    document.submit(insert("2", 6));
    stage.time.advance(20);
    expect([document.divergences, document.content, document.state.unsaved]).toEqual([1, stage.server.content("d"), 0]);
    expect(insert("1Hello2").compose(changes[0]!)).toEqual(document.content);
  });

  it("of half a surrogate pair is refused at once", () => {
    const { document } = stage.openDocument();
    expect(() => document.submit(insert("\uD83D"))).toThrow(RangeError);
    expect([document.unsaved, document.content]).toEqual([false, insert("Hello")]);
  });
});
