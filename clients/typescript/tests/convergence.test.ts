// Many clients, a network that delays and drops, a server in memory: everybody ends with the same, and every edit is
// in it exactly once.
import Delta from "quill-delta";
import { describe, expect, it } from "vitest";
import { CloudSyncClient } from "../src/client.js";
import type { CollaborativeDocument } from "../src/document.js";
import type { PresenceEntry } from "../src/api.js";
import { canonical } from "../src/operation-codec.js";
import { MemoryServer } from "./support/memory-server.js";
import { forSeeds, randomEdit, type Random } from "./support/random.js";
import { VirtualTime } from "./support/virtual-time.js";

interface Replica {
  client: CloudSyncClient;
  document: CollaborativeDocument;
  editor: Delta;
  presence: readonly PresenceEntry[];
  submitted: number;
}

function join(server: MemoryServer, random: Random, number: number): Replica {
  const { time: timers, webSocket: WebSocket } = server;
  const user = { id: "", name: `user ${number}`, color: "#000000" };
  const client = new CloudSyncClient({ url: "ws://x/sync", user, transport: "websocket", WebSocket, timers, random: random.next, clientId: String(100 + number) });
  const document = client.open("d");
  const replica: Replica = { client, document, editor: new Delta(), presence: [], submitted: 0 };
  document.on("reset", (content) => (replica.editor = content));
  document.on("change", (delta) => (replica.editor = replica.editor.compose(delta)));
  document.on("presence", (entries) => (replica.presence = entries));
  document.on("refused", (_operation, error) => {
    throw error;
  });
  return replica;
}

function run(random: Random, composesCatchUp: boolean): Replica[] {
  const time = new VirtualTime();
  const server = new MemoryServer(time, random);
  server.delay = () => random.next() * 80;
  server.composesCatchUp = composesCatchUp;
  server.create("d", new Delta().insert("The beginning 😀\n"));
  const replicas = Array.from({ length: 2 + random.below(4) }, (_, number) => join(server, random, number));
  const act = (replica: Replica): void => {
    const { document } = replica;
    if (document.version === 0) return;
    if (random.chance(0.2)) {
      const length = replica.editor.length();
      return document.setSelection({ anchor: random.below(length + 1), focus: random.below(length + 1) });
    }
    if (random.chance(0.25)) return void (random.chance(0.6) ? document.undo() : document.redo());
    const edit = canonical(randomEdit(random, replica.editor));
    document.submit(edit);
    replica.editor = replica.editor.compose(edit);
    replica.submitted++;
  };
  for (let step = 0; step < 150; step++) {
    time.advance(random.next() * 60);
    if (random.chance(0.03)) random.pick(server.sockets)?.drop();
    if (random.chance(0.02)) server.isDown = !server.isDown;
    if (server.isDown) for (const socket of [...server.sockets]) socket.drop();
    act(random.pick(replicas));
  }
  server.isDown = false;
  time.advance(120_000);

  const content = server.content("d");
  for (const { document, editor, client } of replicas) {
    expect(client.state).toEqual({ kind: "live", unsaved: 0 });
    expect(document.fault).toBeUndefined();
    expect(document.version).toBe(server.logs.get("d")!.length);
    expect(document.content).toEqual(content);
    expect(editor).toEqual(content);
  }
  const names = server.logs.get("d")!.map(({ clientId, sequence }) => `${clientId}/${sequence}`);
  expect(new Set(names).size).toBe(names.length);
  const shown = (of: ServerShown): unknown => of.selection && [of.selection.anchor, of.selection.focus];
  for (const replica of replicas) {
    const seen = Object.fromEntries(replica.presence.map((entry) => [entry.clientId, shown(entry)]));
    const others = server.sockets.filter((socket) => String(socket.clientId) !== replica.client.clientId);
    expect(seen).toEqual(Object.fromEntries(others.map((other) => [String(other.clientId), shown(other.open.get("d")!)])));
  }
  return replicas;
}

type ServerShown = { selection?: { anchor: number; focus: number } | undefined };

describe("many clients", () => {
  it("converge through delays and losses, with nothing lost, doubled or merged differently", () => {
    forSeeds(15, (random) => {
      for (const { document, client } of run(random, false)) {
        expect(document.divergences).toBe(0);
        client.close();
      }
    });
  });

  it("converge when what they missed comes composed into one", () => {
    forSeeds(15, (random) => run(random, true).forEach(({ client }) => client.close()));
  });

  it("each insert is there exactly once, however often the connection is lost", () => {
    forSeeds(15, (random) => {
      const time = new VirtualTime();
      const server = new MemoryServer(time, random);
      server.delay = () => random.next() * 80;
      server.create("d");
      const replicas = [join(server, random, 1), join(server, random, 2), join(server, random, 3)];
      time.advance(1_000);
      const tokens: string[] = [];
      for (let step = 0; step < 80; step++) {
        time.advance(random.next() * 50);
        if (random.chance(0.15)) random.pick(server.sockets)?.drop();
        const token = `<${step}>`;
        tokens.push(token);
        random.pick(replicas).document.submit(new Delta().insert(token));
      }
      time.advance(120_000);
      const text = server.content("d").ops.map(({ insert }: any) => insert).join("");
      expect(text.match(/<\d+>/g)?.sort()).toEqual(tokens.sort());
      expect(text.length).toBe(tokens.join("").length);
      for (const { document } of replicas) expect(document.content).toEqual(server.content("d"));
    });
  });
});
