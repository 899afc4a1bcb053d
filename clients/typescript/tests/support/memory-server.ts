// A server in memory that speaks the protocol: sequences by the rule, recognises what is resent, moves presence. Its
// network has random delays and loses connections. What it keeps can be looked at.
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import Delta from "quill-delta";
import type { Selection, WebSocketLike } from "../../src/api.js";
import {
  ClientFrameSchema,
  ErrorCode,
  Retry,
  ServerFrameSchema,
  ServerMessageSchema,
  type ClientMessage,
} from "../../src/generated/cloudsync/v1/frame_pb.js";
import type { DocumentType } from "../../src/document-type.js";
import { moveSelection } from "../../src/presence.js";
import { richText } from "../../src/rich-text.js";
import type { Random } from "./random.js";
import type { VirtualTime } from "./virtual-time.js";

export type Body = ClientMessage["body"];
type Answer = NonNullable<MessageInitShape<typeof ServerMessageSchema>["body"]>;

export interface Logged {
  clientId: bigint;
  sequence: bigint;
  operation: any;
}

interface Shown {
  selection: Selection | undefined;
  state: string;
}

/** One client's connection as the server has it; the test may speak through it. */
export class ServerSocket {
  clientId = 0n;
  name = "";
  /** What the client sent, in order. */
  readonly received: Body[] = [];
  readonly open = new Map<string, Shown>();
  isOpen = true;
  /** What the client closed with. */
  closedWith: number | undefined;

  constructor(
    readonly server: MemoryServer,
    readonly client: ClientSocket,
  ) {}

  send(...bodies: Answer[]): void {
    const frame = create(ServerFrameSchema, { messages: bodies.map((body) => ({ body })) });
    this.client.deliver(toBinary(ServerFrameSchema, frame));
  }

  sendBytes(bytes: Uint8Array): void {
    this.client.deliver(bytes);
  }

  /** Ends the connection; what is under way in either direction is lost. */
  drop(code = 1006, reason = ""): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.server.disconnected(this);
    this.client.dropped(code, reason);
  }
}

/** What the client gets as its WebSocket class. */
export class ClientSocket implements WebSocketLike {
  binaryType = "blob";
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  readonly #peer: ServerSocket;
  #ended = false;
  #upAt = 0;
  #downAt = 0;

  constructor(readonly server: MemoryServer) {
    this.#peer = new ServerSocket(server, this);
    server.attempts++;
    this.#down(() => {
      if (server.isDown) return this.dropped(1006, "");
      server.sockets.push(this.#peer);
      this.onopen?.({});
    });
  }

  send(data: Uint8Array): void {
    this.#upAt = Math.max(this.#upAt, this.server.time.now() + this.server.delay());
    this.server.time.setTimeout(() => {
      if (this.#peer.isOpen) this.server.receive(this.#peer, data);
    }, this.#upAt - this.server.time.now());
  }

  close(code?: number): void {
    this.#ended = true;
    this.#peer.closedWith = code;
    this.#peer.drop();
  }

  deliver(bytes: Uint8Array): void {
    this.#down(() => this.onmessage?.({ data: bytes.slice().buffer }));
  }

  dropped(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.server.time.setTimeout(() => this.onclose?.({ code, reason }), this.server.delay());
  }

  #down(action: () => void): void {
    this.#downAt = Math.max(this.#downAt, this.server.time.now() + this.server.delay());
    this.server.time.setTimeout(() => !this.#ended && action(), this.#downAt - this.server.time.now());
  }
}

export class MemoryServer {
  readonly logs = new Map<string, Logged[]>();
  sockets: ServerSocket[] = [];
  attempts = 0;
  /** Where the clients connected to, in order. */
  urls: string[] = [];
  isDown = false;
  /** Milliseconds a message takes. */
  delay: () => number = () => 1;
  /** Sends what a client missed as runs of others' operations composed into one. */
  composesCatchUp = false;
  type = "rich-text";
  /** How it merges, and what a document is before its first operation. */
  documentType: DocumentType<any, any> = richText;
  empty: unknown = new Delta();
  limits = { messageBytes: 1 << 20, operationBytes: 1 << 19, presenceBytes: 1024 };
  heartbeatIntervalMs = 15_000;
  heartbeatTimeoutMs = 40_000;
  /** How long tokens count from when they are given; 0: no end is known. */
  tokenValidForMs = 0n;
  /** Looked at before a message is handled; true: the test has dealt with it. */
  intercept: (socket: ServerSocket, body: Body) => boolean = () => false;

  constructor(
    readonly time: VirtualTime,
    readonly random?: Random,
  ) {}

  get webSocket(): new (url: string) => WebSocketLike {
    const server = this;
    return class extends ClientSocket {
      constructor(url: string) {
        server.urls.push(url);
        super(server);
      }
    };
  }

  /** The newest connection. */
  get socket(): ServerSocket {
    return this.sockets.at(-1)!;
  }

  create(documentId: string, content: unknown = this.documentType.nothing): void {
    const isEmpty = this.documentType.isEmpty(content);
    this.logs.set(documentId, isEmpty ? [] : [{ clientId: 1n, sequence: 1n, operation: content }]);
  }

  content(documentId: string, version = Infinity): any {
    const { documentType: type } = this;
    const log = this.logs.get(documentId)!.slice(0, version);
    return log.reduce((content, { operation }) => type.apply(content, operation), this.empty);
  }

  /** Commits an operation of another client's, made on the head. */
  commit(documentId: string, operation: unknown, clientId = 2n): void {
    this.#append(documentId, { clientId, sequence: 0n, operation });
  }

  receive(socket: ServerSocket, bytes: Uint8Array): void {
    for (const { body } of fromBinary(ClientFrameSchema, bytes).messages) {
      socket.received.push(body);
      if (!this.intercept(socket, body)) this.#handle(socket, body);
    }
  }

  disconnected(socket: ServerSocket): void {
    this.sockets = this.sockets.filter((other) => other !== socket);
    for (const documentId of socket.open.keys()) this.#leave(socket, documentId);
  }

  #handle(socket: ServerSocket, body: Body): void {
    if (body.case === "hello") {
      socket.clientId = body.value.clientId;
      socket.name = body.value.user?.name ?? "";
      const { limits, heartbeatIntervalMs, heartbeatTimeoutMs, tokenValidForMs } = this;
      socket.send({ case: "welcome", value: { protocolVersion: 1, limits, heartbeatIntervalMs, heartbeatTimeoutMs, tokenValidForMs } });
    } else if (body.case === "authenticate") {
      socket.send({ case: "authenticated", value: { validForMs: this.tokenValidForMs } });
    } else if (body.case === "ping") {
      socket.send({ case: "pong", value: {} });
    } else if (body.case === "open") {
      this.#open(socket, body.value.documentId, body.value.fromVersion);
    } else if (body.case === "close") {
      this.#leave(socket, body.value.documentId);
      socket.open.delete(body.value.documentId);
    } else if (body.case === "submit") {
      this.#submit(socket, body.value);
    } else if (body.case === "setPresence") {
      const { documentId, version, selection, state, user } = body.value;
      if (user) socket.name = user.name;
      const missed = this.logs.get(documentId)!.slice(Number(version));
      const moved = missed.reduce<Selection | undefined>(
        (at, { operation, clientId }) => at && moveSelection(this.documentType, at, operation, clientId === socket.clientId),
        selection,
      );
      socket.open.set(documentId, { selection: moved, state });
      for (const other of this.#others(socket, documentId)) this.#sendPresence(other, documentId, [socket], false);
    }
  }

  #open(socket: ServerSocket, documentId: string, fromVersion: bigint | undefined): void {
    const log = this.logs.get(documentId);
    const refuse = (code: ErrorCode): void =>
      socket.send({ case: "error", value: { code, message: ErrorCode[code], documentId, retry: Retry.NEVER } });
    if (log === undefined) return refuse(ErrorCode.DOCUMENT_NOT_FOUND);
    if (socket.open.has(documentId)) return refuse(ErrorCode.DOCUMENT_ALREADY_OPEN);
    const head = log.length;
    const version = Number(fromVersion ?? head);
    if (version > head) return refuse(ErrorCode.VERSION_UNKNOWN);
    socket.open.set(documentId, { selection: undefined, state: "" });
    const snapshot = fromVersion === undefined ? this.documentType === richText ? richText.encode(this.content(documentId)) : new TextEncoder().encode(JSON.stringify(this.content(documentId))) : undefined;
    const opened = { documentId, type: this.type, version: BigInt(version), head: BigInt(head), title: "Title" };
    socket.send({ case: "opened", value: { ...opened, ...(snapshot && { snapshot }) } });
    for (let from = version; from < head; ) {
      let { operation } = log[from]!;
      let count = 1;
      const isOther = (at: number): boolean => at < head && log[at]!.clientId !== socket.clientId;
      for (; this.composesCatchUp && isOther(from) && isOther(from + count); count++) {
        const composed = this.documentType.compose(operation, log[from + count]!.operation);
        if (composed === undefined) break;
        operation = composed;
      }
      this.#sendCommitted(socket, documentId, from, { ...log[from]!, operation }, count);
      from += count;
    }
    const others = this.#others(socket, documentId);
    this.#sendPresence(socket, documentId, others, true);
    for (const other of others) this.#sendPresence(other, documentId, [socket], false);
  }

  #submit(
    socket: ServerSocket,
    message: { documentId: string; baseVersion: bigint; clientSeq: bigint; operation: Uint8Array },
  ): void {
    const { documentId, clientSeq } = message;
    const log = this.logs.get(documentId)!;
    const base = Number(message.baseVersion);
    const { documentType: type } = this;
    let operation = type.decode(message.operation);
    for (let version = base; version < log.length; version++) {
      const other = log[version]!;
      if (other.clientId === socket.clientId && other.sequence === clientSeq)
        return socket.send({ case: "ack", value: { documentId, clientSeq, version: BigInt(version + 1) } });
      operation = type.transform(operation, other.operation, "right");
    }
    const length = log.reduce((sum, entry) => sum + type.measure(entry.operation).lengthChange, 0);
    if (base > log.length || type.measure(operation).requiredLength > length)
      throw new Error("A client submitted what doesn't fit the document.");
    try {
      type.apply(this.content(documentId), operation);
    } catch {
      const code = ErrorCode.OPERATION_NOT_ALLOWED_BY_TYPE;
      return socket.send({ case: "error", value: { code, message: "It doesn't fit.", documentId, clientSeq, retry: Retry.NEVER } });
    }
    this.#append(documentId, { clientId: socket.clientId, sequence: clientSeq, operation });
  }

  #append(documentId: string, entry: Logged): void {
    const log = this.logs.get(documentId)!;
    log.push(entry);
    for (const socket of this.sockets) {
      const shown = socket.open.get(documentId);
      if (shown === undefined) continue;
      if (shown.selection)
        shown.selection = moveSelection(this.documentType, shown.selection, entry.operation, socket.clientId === entry.clientId);
      this.#sendCommitted(socket, documentId, log.length - 1, entry, 0);
    }
  }

  #sendCommitted(socket: ServerSocket, documentId: string, base: number, entry: Logged, count: number): void {
    const operation = this.documentType.encode(entry.operation);
    const isRun = count > 1;
    const committed = { clientId: isRun ? 0n : entry.clientId, clientSeq: isRun ? 0n : entry.sequence, operation, count: BigInt(count) };
    socket.send({ case: "committed", value: { documentId, baseVersion: BigInt(base), operations: [committed] } });
  }

  #others(socket: ServerSocket, documentId: string): ServerSocket[] {
    return this.sockets.filter((other) => other !== socket && other.open.has(documentId));
  }

  #sendPresence(to: ServerSocket, documentId: string, who: ServerSocket[], everybody: boolean): void {
    const entries = who.map((other) => {
      const { selection, state } = other.open.get(documentId)!;
      return { clientId: other.clientId, user: { name: other.name }, state, ...(selection && { selection }) };
    });
    const version = BigInt(this.logs.get(documentId)!.length);
    to.send({ case: "presenceChanged", value: { documentId, version, everybody, entries } });
  }

  #leave(socket: ServerSocket, documentId: string): void {
    const version = BigInt(this.logs.get(documentId)?.length ?? 0);
    for (const other of this.#others(socket, documentId))
      other.send({ case: "presenceChanged", value: { documentId, version, left: [socket.clientId] } });
  }
}
