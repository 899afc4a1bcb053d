// A document as the application sees it, and its side of the protocol: opening, catching up, sending one operation at a
// time, and what to do about refusals. The merging is in pending.ts, the connection in client.ts.
import { create } from "@bufbuild/protobuf";
import Delta from "quill-delta";
import type { DocumentEvents, DocumentState, PresenceEntry, Selection, User } from "./api.js";
import { Backoff } from "./backoff.js";
import { Content } from "./content.js";
import { refusal, RefusedError } from "./errors.js";
import { Events } from "./events.js";
import {
  ClosedReason,
  CloseSchema,
  OpenSchema,
  SubmitSchema,
  type Ack,
  type Closed,
  type Committed,
  type Opened,
} from "./generated/cloudsync/v1/document_pb.js";
import {
  ErrorCode,
  Retry,
  type ClientMessage,
  type Error as ServerError,
  type Limits,
  type ServerMessage,
} from "./generated/cloudsync/v1/frame_pb.js";
import { SetPresenceSchema } from "./generated/cloudsync/v1/presence_pb.js";
import { decodeOperation, encodeOperation, measure } from "./operation-codec.js";
import { Pending, type Edit } from "./pending.js";
import { OwnPresence, Presence } from "./presence.js";

/**
 * What a document needs of its client.
 * @internal
 */
export interface Connection {
  readonly clientId: bigint;
  readonly kind: "connecting" | "live" | "offline" | "refused";
  readonly reason: RefusedError | undefined;
  readonly limits: Limits | undefined;
  readonly random: () => number;
  send(body: ClientMessage["body"]): void;
  /** Calls back in `delay_ms`, unless the function it returns was called. */
  after(delay_ms: number, callback: () => void): () => void;
  /** The number of the client's last operation on a document that was open before; 0 if there is none. */
  sequence(documentId: string): number;
  /** The document is not open any more; `sequence` is the number of its last operation. */
  forget(document: CollaborativeDocument, sequence: number | undefined): void;
  /** The document's state changed. */
  changed(): void;
}

// A selection that is being dragged is sent this often.
const PRESENCE_INTERVAL_MS = 50;

// Refusals that an operation made on the true content would not have met with.
const CONTENT_IN_DOUBT: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.OPERATION_OUT_OF_RANGE,
  ErrorCode.OPERATION_MALFORMED,
  ErrorCode.VERSION_UNKNOWN,
]);

export class CollaborativeDocument {
  /** How often the server had merged an own edit differently than this client; the server's merge counts. */
  divergences = 0;
  /** The last thing that made this client load the document anew; for bug reports. */
  fault: unknown;

  readonly #events = new Events<DocumentEvents>();
  readonly #connection: Connection;
  readonly #presence: Presence;
  readonly #own = new OwnPresence();
  readonly #backoff: Backoff;
  readonly #ready: Promise<void>;
  #settleReady!: { resolve: () => void; reject: (error: Error) => void };

  #link: "down" | "opening" | "catching-up" | "live" = "down";
  #pending: Pending | undefined;
  #head = 0;
  #title = "";
  #user: User | undefined;
  #refused: RefusedError | undefined;
  #closed: "no" | "when-saved" | "yes" = "no";
  // What is known may be wrong: the next Open asks for a snapshot.
  #inDoubt = false;
  #faults = 0;
  #retry: (() => void) | undefined;
  #presenceDelay: (() => void) | undefined;
  #announced: DocumentState = { kind: "connecting", unsaved: 0 };

  /** @internal */
  constructor(
    readonly id: string,
    connection: Connection,
  ) {
    this.#connection = connection;
    this.#presence = new Presence(connection.clientId);
    this.#backoff = new Backoff(connection.random);
    this.#ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    // Whoever doesn't wait for it hears of the refusal through the state.
    this.#ready.catch(() => {});
  }

  /** Done when there is content; rejected with a RefusedError when there will be none. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** "rich-text" or "text"; empty until ready. */
  get type(): string {
    return this.#pending?.type ?? "";
  }

  get title(): string {
    return this.#title;
  }

  /** How many of the committed operations are in the content. */
  get version(): number {
    return this.#pending?.version ?? 0;
  }

  /** What the user sees: what is committed, and his own edits on top of it. Not to be changed. */
  get content(): Delta {
    return this.#pending?.content ?? new Delta();
  }

  get unsaved(): boolean {
    return this.#unsaved > 0;
  }

  get state(): DocumentState {
    const unsaved = this.#unsaved;
    const reason = this.#refused ?? this.#connection.reason;
    if (this.#closed === "yes") return { kind: "closed", unsaved };
    if (reason !== undefined) return { kind: "refused", unsaved, reason };
    if (this.#link === "live") return { kind: "live", unsaved };
    return { kind: this.#connection.kind === "live" ? "connecting" : this.#connection.kind, unsaved };
  }

  /** Everybody else who is here, with positions in the content; empty while offline. */
  get presence(): readonly PresenceEntry[] {
    return this.#presence.entries(this.#pending?.operations ?? [], this.#pending?.length ?? 0);
  }

  /** Adds a listener; the function it returns takes it away. */
  on<K extends keyof DocumentEvents>(name: K, listener: (...args: DocumentEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Takes an edit that the editor shows already.
   * @throws {RangeError} It can't be expressed (half a surrogate pair, an attribute in plain text) or doesn't fit the
   * content; nothing has changed.
   * @throws {Error} The document isn't ready, or was refused or closed.
   */
  submit(delta: Delta): void {
    if (this.#closed !== "no") throw new Error("The document is closed.");
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#pending === undefined) throw new Error("The document isn't ready; wait for `ready`.");
    const operation = this.#pending.submit(delta);
    this.#own.moveSelection(operation, true);
    this.#proceed();
    this.#announce();
  }

  /** Done when the server has acknowledged every edit; rejected when it never will. */
  async saved(): Promise<void> {
    while (this.unsaved) {
      const { kind, reason } = this.state;
      if (kind === "closed" || kind === "refused") throw reason ?? new Error("The document was closed.");
      await new Promise<void>((resolve) => {
        const off = this.on("state", () => (off(), resolve()));
      });
    }
  }

  /** Shows others where the user is; null: nowhere. It is moved by edits, his own and theirs. */
  setSelection(selection: Selection | null): void {
    this.#own.selection = selection ? { anchor: selection.anchor, focus: selection.focus } : undefined;
    this.#showPresence();
  }

  /**
   * Shows others anything that is JSON; undefined: nothing.
   * @throws {RangeError} It is larger than the server takes.
   */
  setPresenceState(state: unknown): void {
    const json = state === undefined ? "" : JSON.stringify(state);
    const limit = this.#connection.limits?.presenceBytes ?? 0;
    if (limit > 0 && new TextEncoder().encode(json).length > limit)
      throw new RangeError(`A presence state takes at most ${limit} bytes.`);
    this.#own.state = json;
    this.#own.change();
    this.#showPresence();
  }

  /** Takes no more edits, and closes when those there are were acknowledged. */
  close(): void {
    if (this.#closed !== "no") return;
    this.#closed = "when-saved";
    this.#own.selection = undefined;
    if (!this.unsaved || this.#refused) this.shut();
  }

  // What follows is for the client.

  /** @internal Takes back a close() that still waits. */
  keepOpen(): void {
    if (this.#closed === "when-saved") this.#closed = "no";
  }

  /** @internal Closes at once. */
  shut(): void {
    if (this.#closed === "yes") return;
    this.#disconnect(true);
    this.#closed = "yes";
    this.#settleReady.reject(new Error("The document was closed."));
    this.#connection.forget(this, this.#pending?.sequence);
    this.#announce();
  }

  /** @internal The connection is there. */
  connected(): void {
    this.#faults = 0;
    this.#open();
  }

  /** @internal The connection is gone, or its state changed while it was. */
  disconnected(): void {
    this.#disconnect(false);
    if (this.#connection.reason && !this.#pending) this.#settleReady.reject(this.#connection.reason);
    this.#announce();
  }

  /** @internal */
  setUser(user: User): void {
    this.#user = user;
    this.#own.change();
    this.#showPresence();
  }

  /** @internal A message about this document. */
  receive(body: ServerMessage["body"]): void {
    if (this.#link === "down") return;
    try {
      if (body.case === "opened") this.#opened(body.value);
      else if (body.case === "committed") this.#committed(body.value);
      else if (body.case === "ack") this.#acknowledged(body.value);
      else if (body.case === "closed") this.#closedByServer(body.value);
      else if (body.case === "error") this.#error(body.value);
      else if (body.case === "renamed") this.#rename(body.value.title);
      else if (body.case === "presenceChanged" && this.#link !== "opening") {
        this.#presence.update(body.value);
        this.#events.emit("presence", this.presence);
      }
    } catch (error) {
      // The message makes no sense with what is known here, so what is known may be wrong.
      this.fault = error;
      this.#inDoubt = true;
      this.#reopen();
    }
    this.#announce();
  }

  get #unsaved(): number {
    return this.#pending?.unsaved ?? 0;
  }

  #open(): void {
    this.#link = "opening";
    const known = this.#inDoubt ? undefined : this.#pending?.version;
    this.#send("open", create(OpenSchema, { documentId: this.id, ...(known !== undefined && { fromVersion: BigInt(known) }) }));
  }

  // At once the first time; then, as long as nothing comes of it, after longer and longer waits.
  #reopen(atLeast_ms = 0): void {
    const delay_ms = atLeast_ms + (this.#faults++ === 0 ? 0 : this.#backoff.next());
    this.#disconnect(true);
    if (delay_ms === 0) this.#open();
    else this.#retry = this.#connection.after(delay_ms, () => this.#open());
  }

  #disconnect(tellServer: boolean): void {
    if (tellServer && this.#link !== "down") this.#send("close", create(CloseSchema, { documentId: this.id }));
    this.#link = "down";
    this.#retry?.();
    this.#presenceDelay?.();
    this.#retry = this.#presenceDelay = undefined;
    const alone = this.#presence.size === 0;
    this.#presence.clear();
    if (!alone) this.#events.emit("presence", []);
  }

  #opened(message: Opened): void {
    if (this.#link !== "opening") return;
    this.#rename(message.title);
    this.#head = Number(message.head);
    if (message.snapshot !== undefined) {
      if (message.type !== "rich-text" && message.type !== "text")
        return this.#refuse(new RefusedError("UNSUPPORTED_TYPE", `This client knows no documents of type "${message.type}".`));
      const sequence = this.#pending?.sequence ?? this.#connection.sequence(this.id);
      const pending = new Pending(message.type, Number(message.version), decodeOperation(message.snapshot), sequence);
      const lost = this.#pending?.edits ?? [];
      this.#pending = pending;
      this.#inDoubt = false;
      this.#handBack(lost, new RefusedError("CONTENT_RESET", "The document had to be loaded anew, without this edit."));
      this.#events.emit("reset", this.content);
      this.#settleReady.resolve();
    } else if (this.#pending?.version !== Number(message.version)) {
      throw new RangeError("The server resumes from a version that was not asked for.");
    }
    this.#link = "catching-up";
    this.#own.begin();
    this.#proceed();
  }

  #rename(title: string): void {
    if (title === this.#title) return;
    this.#title = title;
    this.#events.emit("renamed", title);
  }

  #committed(message: Committed): void {
    const pending = this.#pending;
    if (this.#link === "opening" || pending === undefined) return;
    if (Number(message.baseVersion) !== pending.version) return this.#reopen();
    let changes = new Content(new Delta());
    for (const { clientId, clientSeq, operation, count } of message.operations) {
      const delta = decodeOperation(operation);
      const isOwn = clientId === this.#connection.clientId;
      if (isOwn && pending.inFlight !== undefined && Number(clientSeq) === pending.sequence) {
        const change = pending.acknowledge(delta);
        if (change !== undefined) this.divergences++;
        changes.append(change ?? new Delta());
      } else {
        changes.append(pending.receive(delta, Number(count) || 1));
      }
      this.#presence.move(delta, clientId);
      this.#own.moveShown(delta, isOwn);
      if (measure(delta).changesEmbeds) {
        this.#show(changes.delta);
        changes = new Content(new Delta());
      }
    }
    this.#faults = 0;
    this.#backoff.reset();
    this.#show(changes.delta);
    this.#proceed();
  }

  #acknowledged(message: Ack): void {
    const pending = this.#pending;
    if (pending?.inFlight === undefined || Number(message.clientSeq) !== pending.sequence) return;
    // Else it comes with the committed operations.
    if (Number(message.version) > pending.version) return;
    this.divergences++;
    this.#show(pending.withdraw().change);
    this.#proceed();
  }

  #closedByServer(message: Closed): void {
    if (message.reason === ClosedReason.DELETED) {
      this.#link = "down";
      this.#refuse(new RefusedError("DELETED", message.message || "The document was deleted."));
    } else if (this.#link !== "opening") {
      this.#link = "down";
      this.#reopen();
    }
  }

  #error(message: ServerError): void {
    const error = refusal(message);
    const { retry, retryAfterMs } = message;
    const isPresence = message.code === ErrorCode.PRESENCE_TOO_LARGE || message.code === ErrorCode.PRESENCE_INVALID;
    if (isPresence) return;
    if (message.clientSeq !== 0n) {
      if (this.#pending?.inFlight === undefined || Number(message.clientSeq) !== this.#pending.sequence) return;
      if (retry === Retry.LATER) {
        this.#retry?.();
        this.#retry = this.#connection.after(retryAfterMs + this.#backoff.next(), () => this.#sendInFlight());
      } else if (retry === Retry.REOPEN) {
        this.#reopen(retryAfterMs);
      } else {
        this.#withdraw(error);
        this.#inDoubt = CONTENT_IN_DOUBT.has(message.code);
        if (this.#inDoubt) this.#reopen();
        else this.#proceed();
      }
    } else if (message.code === ErrorCode.VERSION_UNKNOWN && this.#pending !== undefined && !this.#inDoubt) {
      // The server has lost what this client has seen; what the server has counts.
      this.#inDoubt = true;
      this.#reopen(retryAfterMs);
    } else if (retry === Retry.NEVER) {
      this.#link = "down";
      this.#refuse(error);
    } else {
      if (this.#link === "opening") this.#faults++;
      this.#link = "down";
      this.#reopen(retryAfterMs);
    }
  }

  // What comes next: sending what is in flight again, sending the next edit, showing the selection, closing.
  #proceed(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (this.#link === "catching-up" && pending.version >= this.#head) {
      this.#link = "live";
      if (pending.inFlight !== undefined) this.#sendInFlight();
    }
    if (this.#link === "live" && pending.launch()) this.#sendInFlight();
    if (!this.unsaved && this.#closed === "when-saved") this.shut();
    this.#showPresence();
  }

  #sendInFlight(): void {
    const pending = this.#pending;
    if (this.#link !== "live" || pending?.inFlight === undefined) return;
    const operation = encodeOperation(pending.inFlight);
    const limit = this.#connection.limits?.operationBytes ?? 0;
    if (limit > 0 && operation.length > limit) {
      const text = `The edit takes ${operation.length} bytes; the server takes at most ${limit}.`;
      this.#withdraw(new RefusedError("OPERATION_TOO_LARGE", text, "operation_bytes", limit));
      return this.#proceed();
    }
    const [baseVersion, clientSeq] = [BigInt(pending.version), BigInt(pending.sequence)];
    this.#send("submit", create(SubmitSchema, { documentId: this.id, baseVersion, clientSeq, operation }));
  }

  #withdraw(error: RefusedError): void {
    const { edit, change } = this.#pending!.withdraw();
    this.#handBack([edit], error);
    this.#show(change);
  }

  #handBack(edits: readonly Edit[], error: RefusedError): void {
    for (const { operation } of edits) this.#events.emit("refused", operation, error);
  }

  #refuse(error: RefusedError): void {
    this.#disconnect(true);
    this.#refused = error;
    const edits = this.#pending?.abandon() ?? [];
    this.#settleReady.reject(error);
    this.#connection.forget(this, this.#pending?.sequence);
    this.#handBack(edits, error);
  }

  // Tells the editor what changed other than by the user's hand.
  #show(change: Delta): void {
    this.#own.moveSelection(change, false);
    if (change.ops.length > 0) this.#events.emit("change", change);
    if (this.#presence.size > 0) this.#events.emit("presence", this.presence);
  }

  // While something is unacknowledged the others move this selection by themselves.
  #showPresence(): void {
    if (this.#link !== "live" || this.unsaved || !this.#own.isNews || this.#presenceDelay) return;
    this.#own.told();
    const { selection, state } = this.#own;
    this.#send(
      "setPresence",
      create(SetPresenceSchema, {
        documentId: this.id,
        version: BigInt(this.version),
        ...(selection && { selection }),
        state,
        ...(this.#user && { user: this.#user }),
      }),
    );
    this.#user = undefined;
    this.#presenceDelay = this.#connection.after(PRESENCE_INTERVAL_MS, () => {
      this.#presenceDelay = undefined;
      this.#showPresence();
    });
  }

  #send<K extends NonNullable<ClientMessage["body"]["case"]>>(
    name: K,
    value: Extract<ClientMessage["body"], { case: K }>["value"],
  ): void {
    this.#connection.send({ case: name, value } as ClientMessage["body"]);
  }

  #announce(): void {
    const state = this.state;
    const { kind, unsaved, reason } = this.#announced;
    if (state.kind === kind && state.unsaved === unsaved && state.reason === reason) return;
    this.#announced = state;
    this.#events.emit("state", state);
    this.#connection.changed();
  }
}
