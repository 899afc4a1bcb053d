// Who is in a document, and where, as its clients see it.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import type { CollaborativeDocument } from "../src/document.js";
import { insert, sent, useStage } from "./support/stage.js";

const stage = useStage();

describe("presence", () => {
  const shown = (document: CollaborativeDocument) =>
    document.presence.map(({ user: { name }, selection, state }) => [name, selection && [selection.anchor, selection.focus], state]);

  function two() {
    const ada = stage.openDocument();
    const bob = stage.openDocument({ user: { id: "u2", name: "Bob", color: "#ff0000" } });
    return { ada, bob };
  }

  it("shows who is here, and no longer when they have left", () => {
    const { ada, bob } = two();
    expect([shown(ada.document), shown(bob.document)]).toEqual([[["Bob", undefined, undefined]], [["Ada", undefined, undefined]]]);
    bob.document.setSelection({ anchor: 1, focus: 3 });
    bob.document.setPresenceState({ typing: true });
    stage.time.advance(60);
    expect(shown(ada.document)).toEqual([["Bob", [1, 3], { typing: true }]]);
    bob.client.close();
    stage.time.advance(5);
    expect([ada.document.presence, ada.presence.at(-1)]).toEqual([[], []]);
  });

  it("is moved by edits, one's own and others', without being sent again", () => {
    const { ada, bob } = two();
    ada.document.setSelection({ anchor: 2, focus: 2 });
    bob.document.setSelection({ anchor: 2, focus: 2 });
    stage.time.advance(60);
    const messages = stage.server.sockets.flatMap((socket) => sent(socket, "setPresence")).length;
    bob.document.submit(insert("xyz", 2));
    expect(shown(bob.document)).toEqual([["Ada", [2, 2], undefined]]);
    stage.time.advance(60);
    // Bob's caret is behind what he typed, Ada's before it.
    expect(shown(ada.document)).toEqual([["Bob", [5, 5], undefined]]);
    expect(shown(bob.document)).toEqual([["Ada", [2, 2], undefined]]);
    expect(stage.server.sockets.flatMap((socket) => sent(socket, "setPresence")).length).toBe(messages);
  });

  it("is seen behind one's own edits that aren't acknowledged yet", () => {
    const { ada, bob } = two();
    bob.document.setSelection({ anchor: 4, focus: 5 });
    stage.time.advance(60);
    stage.server.intercept = (_socket, body) => body.case === "submit";
    ada.document.submit(insert("12"));
    ada.document.submit(new Delta().retain(6).delete(1));
    expect(shown(ada.document)).toEqual([["Bob", [6, 6], undefined]]);
  });

  it("is sent only when nothing is unacknowledged, and not too often", () => {
    const { document } = stage.openDocument();
    document.submit(insert("1"));
    document.setSelection({ anchor: 3, focus: 3 });
    expect(sent(stage.server.socket, "setPresence")).toEqual([]);
    stage.time.advance(20);
    expect(sent(stage.server.socket, "setPresence")).toMatchObject([{ version: 2n, selection: { anchor: 3, focus: 3 } }]);
    for (let position = 0; position < 5; position++) document.setSelection({ anchor: position, focus: position });
    stage.time.advance(200);
    expect(sent(stage.server.socket, "setPresence").map(({ selection }) => selection?.focus)).toEqual([3, 4]);
    document.setSelection(null);
    stage.time.advance(100);
    expect(sent(stage.server.socket, "setPresence").at(-1)?.selection).toBeUndefined();
  });

  it("is shown again after a lost connection, and the others are not while there is none", () => {
    const { ada, bob } = two();
    bob.document.setSelection({ anchor: 1, focus: 1 });
    stage.time.advance(60);
    const [adaSocket, bobSocket] = stage.server.sockets;
    bobSocket!.drop();
    adaSocket!.drop();
    stage.time.advance(1);
    expect([ada.document.presence, ada.presence.at(-1)]).toEqual([[], []]);
    stage.time.advance(5_000);
    expect(shown(ada.document)).toEqual([["Bob", [1, 1], undefined]]);
  });

  it("knows of a new name", () => {
    const { ada, bob } = two();
    bob.client.setUser({ id: "u2", name: "Robert", color: "#00ff00" });
    stage.time.advance(60);
    expect(ada.document.presence[0]?.user.name).toBe("Robert");
    stage.server.sockets[1]!.drop();
    stage.time.advance(5_000);
    expect(sent(stage.server.socket, "hello")[0]?.user?.name).toBe("Robert");
  });

  it("of a size the server doesn't take is refused at once", () => {
    const { document } = stage.openDocument();
    expect(() => document.setPresenceState("x".repeat(2_000))).toThrow(RangeError);
  });

  it("whose state is not JSON is shown without it", () => {
    const { document } = stage.openDocument();
    const entry = { clientId: 9n, user: { name: "Eve" }, state: "{" };
    stage.server.socket.send({ case: "presenceChanged", value: { documentId: "d", version: 1n, entries: [entry] } });
    stage.time.advance(5);
    expect(document.presence).toEqual([{ clientId: "9", user: { id: "", name: "Eve", color: "" } }]);
  });
});
