// One client before a server in memory that does what each test says, and what its document told.
import Delta from "quill-delta";
import { afterEach, beforeEach } from "vitest";
import type { ClientOptions, PresenceEntry } from "../../src/api.js";
import { CloudSyncClient } from "../../src/client.js";
import type { RefusedError } from "../../src/errors.js";
import type { ErrorCode, Retry } from "../../src/generated/cloudsync/v1/frame_pb.js";
import { MemoryServer, type Body, type ServerSocket } from "./memory-server.js";
import { VirtualTime } from "./virtual-time.js";

export const user = { id: "u1", name: "Ada", color: "#336699" };
export const insert = (text: string, at = 0): Delta => new Delta().retain(at).insert(text);

/** What each test begins with: a server that has the document "d" with "Hello", and no client. */
export class Stage {
  time = new VirtualTime();
  server = new MemoryServer(this.time);
  /** What the clients' random generators say. */
  random = 0.5;
  clients: CloudSyncClient[] = [];

  connect(options: Partial<ClientOptions> = {}): CloudSyncClient {
    const { time: timers, server } = this;
    const WebSocket = server.webSocket;
    const client = new CloudSyncClient({ url: "ws://x/sync", user, transport: "websocket", WebSocket, timers, random: () => this.random, ...options });
    this.clients.push(client);
    return client;
  }

  /** A client that has "d" open, and everything the document told. */
  openDocument(options: Partial<ClientOptions> = {}) {
    const client = this.connect(options);
    const document = client.open("d");
    const changes: Delta[] = [];
    const resets: Delta[] = [];
    const refused: [Delta, RefusedError][] = [];
    const presence: (readonly PresenceEntry[])[] = [];
    document.on("change", (delta) => changes.push(delta));
    document.on("reset", (content) => resets.push(content));
    document.on("refused", (operation, error) => refused.push([operation, error]));
    document.on("presence", (entries) => presence.push(entries));
    this.time.advance(20);
    return { client, document, changes, resets, refused, presence };
  }

  /** Answers the next submit with an error, once. */
  refuseNextSubmit(code: ErrorCode, retry: Retry, retryAfterMs = 0): void {
    const { server } = this;
    server.intercept = (socket, body) => {
      if (body.case !== "submit") return false;
      server.intercept = () => false;
      const { documentId, clientSeq } = body.value;
      socket.send({ case: "error", value: { code, message: "No.", documentId, clientSeq, retry, retryAfterMs } });
      return true;
    };
  }

  refuseOpen(code: ErrorCode, retry: Retry, retryAfterMs = 0): void {
    this.server.intercept = (socket, body) => {
      if (body.case !== "open") return false;
      socket.send({ case: "error", value: { code, message: "No.", documentId: body.value.documentId, retry, retryAfterMs } });
      return true;
    };
  }
}

/** A fresh stage for each test of a file, and its clients closed after it. */
export function useStage(): Stage {
  const stage = new Stage();
  beforeEach(() => {
    Object.assign(stage, new Stage());
    stage.server.create("d", insert("Hello"));
  });
  afterEach(() => stage.clients.forEach((client) => client.close()));
  return stage;
}

type Case = NonNullable<Body["case"]>;
type Value<C extends Case> = Extract<Body, { case: C }>["value"];

/** What a client sent of one kind. */
export const sent = <C extends Case>(socket: ServerSocket, name: C): Value<C>[] =>
  socket.received.filter((body) => body.case === name).map((body) => body.value as Value<C>);
