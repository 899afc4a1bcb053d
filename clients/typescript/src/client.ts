// One connection to a server: handshake, heartbeat, coming back after a loss, and the documents that are open on it.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import Delta from "quill-delta";
import type { ClientOptions, ConnectionState, Timers, User, WebSocketLike } from "./api.js";
import { Backoff } from "./backoff.js";
import { parseId, randomId } from "./client-id.js";
import type { Connection } from "./connection.js";
import { CollaborativeDocument, type DocumentKind } from "./document.js";
import { refusal, RefusedError } from "./errors.js";
import { Events } from "./events.js";
import {
  AuthenticateSchema,
  ClientFrameSchema,
  HelloSchema,
  PingSchema,
  Retry,
  ServerFrameSchema,
  type ClientMessage,
  type Limits,
  type ServerMessage,
  type Welcome,
} from "./generated/cloudsync/v1/frame_pb.js";
import type { SocketClosed } from "./polled-socket.js";
import { plainText, richText } from "./rich-text.js";
import { systemTimers } from "./system-timers.js";
import { Tokens } from "./tokens.js";
import { Transports, type ConnectionEnd } from "./transports.js";

/** Rich text and plain text. */
const text: DocumentKind<CollaborativeDocument> = {
  types: [richText, plainText],
  nothing: new Delta(),
  Document: CollaborativeDocument,
};

const PROTOCOL_VERSION = 1;
// What a socket is closed with: the server shows others that this client has left only if it isn't coming back.
const COMING_BACK = 4000;
const LEFT = 1000;
const AGENT = "cloudsync-js/0.1.0";
const HANDSHAKE_TIMEOUT_MS = 15_000;
const HEARTBEAT_MS_MIN = 1_000;
const UNDO_STEPS = 100;
const UNDO_PAUSE_MS = 1_000;

export class CloudSyncClient {
  readonly #events = new Events<{ state: [ConnectionState] }>();
  readonly #options: ClientOptions;
  readonly #url: URL;
  readonly #clientId: bigint;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #documents = new Map<string, CollaborativeDocument<any, any>>();
  readonly #sequences = new Map<string, number>();
  readonly #connection: Connection;
  readonly #tokens: Tokens;
  readonly #transports: Transports;
  readonly #online = (): void => {
    this.#transports.forget();
    if (this.#kind === "offline") this.reconnect();
  };

  #user: User;
  #kind: ConnectionState["kind"] = "connecting";
  #closed = false;
  #reason: RefusedError | undefined;
  #socket: WebSocketLike | undefined;
  #limits: Limits | undefined;
  #welcome: Welcome | undefined;
  #timer: unknown;
  // Until the moment to leave a server that stops.
  #leaving: unknown;
  // Moments of the clock.
  #liveSince = 0;
  #sentAt = 0;
  #heardAt = 0;
  // The first Ping since something was heard.
  #askedAt = Infinity;
  #retryAt = 0;
  // The server said when to come back.
  #invitedAt: number | undefined;
  #announced = "";

  /**
   * Connects when the first document is opened, or soon by itself if none is.
   * @throws {TypeError} The URL is none.
   */
  constructor(options: ClientOptions) {
    this.#options = options;
    this.#user = options.user;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(this.#random);
    this.#transports = new Transports(options, this.#timers);
    this.#clientId = options.clientId === undefined ? randomId() : parseId(options.clientId);
    this.#connection = this.#createConnection();
    this.#tokens = this.#createTokens(options.token ?? "");
    // Said now, and not by the WebSocket class later, when nobody is there to hear it.
    this.#url = new URL(options.url, globalThis.location?.href);
    globalThis.addEventListener?.("online", this.#online);
    // Not at once: a document that is opened right away gives the connection its hint.
    this.#timer = this.#timers.setTimeout(() => this.#connect(), 0);
  }

  /** Decimal. */
  get clientId(): string {
    return String(this.#clientId);
  }

  get state(): ConnectionState {
    let unsaved = 0;
    for (const document of this.#documents.values()) unsaved += document.state.unsaved;
    const waits = this.#kind === "offline" && !this.#closed;
    return {
      kind: this.#kind,
      unsaved,
      ...(waits && { retryInMs: Math.max(0, this.#retryAt - this.#timers.now()) }),
      ...(this.#reason && { reason: this.#reason }),
    };
  }

  /** Adds a listener; the function it returns takes it away. */
  on(name: "state", listener: (state: ConnectionState) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Opens a document; the same object as long as it is open.
   * @param kind What it is a document of; default rich text or plain text. For JSON: `json` of "@cloudsync/client/json".
   * @throws {Error} The client is closed, or the document is open as one of another kind.
   */
  open(documentId: string): CollaborativeDocument;
  open<D extends CollaborativeDocument<any, any>>(documentId: string, kind: DocumentKind<D>): D;
  open(documentId: string, kind: DocumentKind<CollaborativeDocument<any, any>> = text): CollaborativeDocument<any, any> {
    if (this.#closed) throw new Error("The client is closed.");
    let document = this.#documents.get(documentId);
    if (document !== undefined && document.kind !== kind)
      throw new Error("The document is open as one of another kind.");
    if (document === undefined) {
      document = new kind.Document(documentId, this.#connection, kind);
      this.#documents.set(documentId, document);
      if (this.#kind === "live") document.session.connected();
      else document.session.disconnected();
    }
    document.session.keepOpen();
    if (this.#kind === "connecting" && this.#socket === undefined) this.#connect();
    return document;
  }

  /** Gives the user another name or colour. */
  setUser(user: User): void {
    this.#user = user;
    for (const document of this.#documents.values()) document.session.setUser(user);
  }

  /** Tries again now instead of waiting; also after a refusal. */
  reconnect(): void {
    if (this.#closed || this.#kind === "connecting" || this.#kind === "live") return;
    this.#reason = undefined;
    this.#connect();
  }

  /**
   * Gives the server a new token without a new connection; documents stay open. Resolves when the server has taken it,
   * which is with the next connection if there is none now. Called without a token, it asks the function of the options;
   * that is done by itself before a token ends, if the server says when.
   * @throws {RefusedError} The server refuses it ("TOKEN_INVALID", "TOKEN_OF_ANOTHER_USER"; later perhaps not:
   * "TOKEN_NOT_CHECKED", "TOO_MANY_TOKENS"); the one before it still counts.
   */
  async renewToken(token?: string): Promise<void> {
    if (this.#closed) throw new Error("The client is closed.");
    const renewed = this.#tokens.renew(token);
    if (this.#kind === "refused") this.reconnect();
    return renewed;
  }

  /** Closes the connection and every document; what is unsaved is lost (`state.unsaved` tells, `saved()` waits). */
  close(): void {
    if (this.#closed) return;
    for (const document of [...this.#documents.values()]) document.session.shut();
    this.#closed = true;
    globalThis.removeEventListener?.("online", this.#online);
    this.#hangUp(LEFT);
    this.#transports.ended("told");
    this.#tokens.fail(new Error("The client is closed."));
    this.#become("offline");
  }

  #createTokens(source: string | (() => string | Promise<string>)): Tokens {
    const client = this;
    return new Tokens(source, {
      get isLive() {
        return client.#kind === "live";
      },
      random: client.#random,
      now: () => client.#timers.now(),
      after: client.#connection.after,
      authenticate: (token) => client.#send({ case: "authenticate", value: create(AuthenticateSchema, { token }) }),
    });
  }

  #createConnection(): Connection {
    const client = this;
    return {
      clientId: client.#clientId,
      get kind() {
        return client.#kind;
      },
      get reason() {
        return client.#reason;
      },
      get limits() {
        return client.#limits;
      },
      undo: { steps: client.#options.undoSteps ?? UNDO_STEPS, pause_ms: client.#options.undoPauseMs ?? UNDO_PAUSE_MS },
      random: client.#random,
      now: () => client.#timers.now(),
      send: (body) => client.#kind === "live" && client.#send(body),
      after(delay_ms, callback) {
        const timer = client.#timers.setTimeout(callback, delay_ms);
        return () => client.#timers.clearTimeout(timer);
      },
      sequence: (documentId) => client.#sequences.get(documentId) ?? 0,
      forget(documentId, sequence) {
        if (sequence !== undefined) client.#sequences.set(documentId, sequence);
        client.#documents.delete(documentId);
      },
      changed: () => client.#announce(),
    };
  }

  #connect(): void {
    this.#timers.clearTimeout(this.#timer);
    this.#invitedAt = undefined;
    const socket = this.#transports.connect(this.#address());
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    // An event of a socket that was given up is nobody's any more.
    const isCurrent = (): boolean => this.#socket === socket;
    socket.onopen = () => {
      const token = this.#tokens.forHello();
      if (typeof token === "string") return this.#hello(token);
      token
        .then((fresh) => isCurrent() && this.#hello(fresh))
        .catch(() => {
          if (!isCurrent()) return;
          // The way there is not to blame.
          this.#lose("told");
        });
    };
    socket.onmessage = (event: { data: unknown }) => isCurrent() && this.#receive(event.data);
    socket.onclose = (event: SocketClosed) => isCurrent() && this.#closedByServer(event);
    // Always followed by `close`, which tells more.
    socket.onerror = () => {};
    this.#timer = this.#timers.setTimeout(() => this.#lose("late"), HANDSHAKE_TIMEOUT_MS);
    this.#become("connecting");
  }

  // With a hint for a load balancer, so that a document's users meet on one gateway. A server makes nothing of it.
  #address(): string {
    const [documentId] = this.#documents.keys();
    if (documentId === undefined) return this.#url.href;
    const url = new URL(this.#url);
    url.searchParams.set("document", documentId);
    return url.href;
  }

  #hello(token: string): void {
    const { id, name, color } = this.#user;
    const user = { id, name, color };
    const value = { protocolVersion: PROTOCOL_VERSION, clientId: this.#clientId, agent: AGENT, user, token };
    this.#send({ case: "hello", value: create(HelloSchema, value) });
  }

  #send(body: ClientMessage["body"]): void {
    this.#sentAt = this.#timers.now();
    this.#socket?.send(toBinary(ClientFrameSchema, create(ClientFrameSchema, { messages: [{ body }] })));
  }

  #receive(data: unknown): void {
    this.#heardAt = this.#timers.now();
    this.#askedAt = Infinity;
    this.#transports.heard();
    let messages: ServerMessage[];
    try {
      messages = fromBinary(ServerFrameSchema, new Uint8Array(data as ArrayBuffer)).messages;
    } catch {
      return this.#lose();
    }
    const socket = this.#socket;
    for (const { body } of messages) {
      if (body.case === "welcome") this.#welcomed(body.value);
      else if (body.case === "goingAway") this.#leave(body.value.reconnectAfterMsMin, body.value.reconnectAfterMsMax);
      else if (body.case === "authenticated") this.#tokens.taken(body.value.validForMs);
      else if (body.case === "error" && body.value.documentId === "") {
        if (this.#tokens.refuses(body.value)) continue;
        if (body.value.retry === Retry.NEVER) this.#refuse(refusal(body.value));
        else this.#invite(body.value.retryAfterMs, body.value.retryAfterMs + this.#backoff.next());
      } else if (body.case !== undefined && body.case !== "pong")
        this.#documents.get(body.value.documentId)?.session.receive(body);
      if (this.#socket !== socket) return;
    }
  }

  #welcomed(welcome: Welcome): void {
    if (welcome.protocolVersion !== PROTOCOL_VERSION) {
      const text = `The server speaks version ${welcome.protocolVersion} of the protocol, this client ${PROTOCOL_VERSION}.`;
      return this.#refuse(new RefusedError("UNSUPPORTED_PROTOCOL_VERSION", text));
    }
    this.#welcome = welcome;
    this.#limits = welcome.limits;
    this.#liveSince = this.#timers.now();
    this.#transports.welcomed(() => this.#move());
    // The first beat comes early by chance, so that clients which came together don't beat together.
    this.#beatIn(this.#random() * welcome.heartbeatIntervalMs);
    this.#become("live");
    this.#tokens.welcomed(welcome.tokenValidForMs);
    for (const document of [...this.#documents.values()]) document.session.connected();
  }

  #beatIn(delay_ms: number): void {
    this.#timers.clearTimeout(this.#timer);
    if (this.#welcome!.heartbeatIntervalMs > 0)
      this.#timer = this.#timers.setTimeout(() => this.#beat(), Math.max(HEARTBEAT_MS_MIN, delay_ms));
  }

  #beat(): void {
    const interval_ms = this.#welcome!.heartbeatIntervalMs;
    const timeout_ms = this.#welcome!.heartbeatTimeoutMs || Infinity;
    const now = this.#timers.now();
    // Given up is only what was asked and had the time to answer: timers of hidden pages come late, or after a sleep.
    const deadline = (): number => Math.max(this.#heardAt + timeout_ms, this.#askedAt + timeout_ms / 4);
    if (now >= deadline()) return this.#lose();
    // Edits that are sent prove nothing about the server: after half the timeout it is asked all the same.
    const askAt = (): number => (this.#askedAt === Infinity ? this.#heardAt + timeout_ms / 2 : Infinity);
    if (now >= this.#sentAt + interval_ms || now >= askAt()) {
      this.#send({ case: "ping", value: create(PingSchema) });
      this.#askedAt = Math.min(this.#askedAt, now);
    }
    this.#beatIn(Math.min(this.#sentAt + interval_ms, askAt(), deadline()) - now);
  }

  // The server said when it wants to see this client again: at a random moment of a window.
  #invite(afterMin_ms: number, afterMax_ms: number): void {
    const delay_ms = afterMin_ms + this.#random() * Math.max(0, afterMax_ms - afterMin_ms);
    this.#invitedAt = this.#timers.now() + delay_ms;
  }

  // A server that stops serves until then. If it closes sooner the moment stays the same.
  #leave(afterMin_ms: number, afterMax_ms: number): void {
    this.#invite(afterMin_ms, afterMax_ms);
    this.#timers.clearTimeout(this.#leaving);
    this.#leaving = this.#timers.setTimeout(() => this.#lose(), this.#invitedAt! - this.#timers.now());
  }

  // To another way to connect, as when a server that stops has said so.
  #move(): void {
    this.#invitedAt = this.#timers.now();
    this.#lose();
  }

  #closedByServer({ code, reason, retryAfterMs }: SocketClosed): void {
    // docs/protocol.md: 4000 to 4099 come back, 4100 to 4199 do not.
    if (code >= 4100 && code <= 4199)
      return this.#refuse(new RefusedError(`CLOSE_${code}`, reason || `The server closed the connection with code ${code}.`));
    if (retryAfterMs !== undefined) this.#invite(retryAfterMs, retryAfterMs + this.#backoff.next());
    // A code of the server's own says that it was there.
    this.#lose(code >= 4000 ? "told" : "cut");
  }

  #refuse(reason: RefusedError): void {
    this.#reason = reason;
    this.#hangUp(LEFT);
    this.#transports.ended("told");
    this.#tokens.fail(reason);
    this.#become("refused");
  }

  #lose(end: ConnectionEnd = "cut"): void {
    const now = this.#timers.now();
    if (this.#kind === "live") this.#backoff.forget(now - this.#liveSince);
    this.#hangUp(COMING_BACK);
    if (this.#transports.ended(this.#invitedAt === undefined ? end : "told")) this.#invitedAt = now;
    const delay_ms = this.#invitedAt === undefined ? this.#backoff.next() : Math.max(0, this.#invitedAt - now);
    this.#invitedAt = undefined;
    this.#retryAt = now + delay_ms;
    this.#timer = this.#timers.setTimeout(() => this.#connect(), delay_ms);
    // Whoever only takes another way is not offline for the blink of an eye.
    this.#become(delay_ms === 0 ? "connecting" : "offline");
  }

  #hangUp(code: number): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#timers.clearTimeout(this.#timer);
    this.#timers.clearTimeout(this.#leaving);
    this.#tokens.disconnected();
    socket?.close(code);
  }

  #become(kind: ConnectionState["kind"]): void {
    this.#kind = kind;
    if (kind !== "live") for (const document of [...this.#documents.values()]) document.session.disconnected();
    this.#announce();
  }

  #announce(): void {
    const state = this.state;
    const key = `${state.kind} ${state.unsaved} ${this.#retryAt} ${state.reason?.message ?? ""}`;
    if (key === this.#announced) return;
    this.#announced = key;
    this.#events.emit("state", state);
  }
}
