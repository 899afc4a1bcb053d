// A document's side of the protocol: opening, catching up, sending one operation at a time, and what to do about
// refusals. The merging is in editing.ts, the connection in client.ts; document.ts is what the application sees of it.
import { create } from "@bufbuild/protobuf";
import type { ChangeOrigin, DocumentEvents, DocumentState, PresenceEntry, Selection, UndoState, User } from "./api.js";
import { Backoff } from "./backoff.js";
import type { Connection } from "./connection.js";
import { Run } from "./content.js";
import type { DocumentType } from "./document-type.js";
import { Editing } from "./editing.js";
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
  type ServerMessage,
} from "./generated/cloudsync/v1/frame_pb.js";
import { Pending, type Edit } from "./pending.js";
import { OwnPresence, Presence } from "./presence.js";

// Refusals that an operation made on the true content would not have met with.
const CONTENT_IN_DOUBT: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.OPERATION_OUT_OF_RANGE,
  ErrorCode.OPERATION_MALFORMED,
  ErrorCode.VERSION_UNKNOWN,
]);

const REMOTE: ChangeOrigin = { source: "remote" };

export class Session<Operation, Content> {
  divergences = 0;
  fault: unknown;
  /** How many edits were refused, and why the last one was. */
  refusals = 0;
  refusal: RefusedError | undefined;
  /** Done when there is content; rejected when there will be none. */
  readonly ready: Promise<void>;

  readonly #presence: Presence;
  readonly #own: OwnPresence;
  readonly #backoff: Backoff;
  #settleReady!: { resolve: () => void; reject: (error: Error) => void };

  #link: "down" | "opening" | "catching-up" | "live" = "down";
  #editing: Editing<Operation, Content> | undefined;
  #head = 0;
  #title = "";
  #refused: RefusedError | undefined;
  #closed: "no" | "when-saved" | "yes" = "no";
  // What is known may be wrong: the next Open asks for a snapshot.
  #inDoubt = false;
  #faults = 0;
  #retry: (() => void) | undefined;
  #announced: DocumentState = { kind: "connecting", unsaved: 0 };
  #undoAnnounced: UndoState = { canUndo: false, canRedo: false };

  constructor(
    readonly id: string,
    readonly connection: Connection,
    readonly events: Events<DocumentEvents<Operation, Content>>,
    /** What the document may be. */
    readonly types: readonly DocumentType<Operation, Content>[],
  ) {
    this.#presence = new Presence(connection.clientId);
    this.#own = new OwnPresence(id, connection);
    this.#backoff = new Backoff(connection.random);
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    // Whoever doesn't wait for it hears of the refusal through the state.
    this.ready.catch(() => {});
  }

  get pending(): Pending<Operation, Content> | undefined {
    return this.#editing?.pending;
  }

  get title(): string {
    return this.#title;
  }

  get state(): DocumentState {
    const unsaved = this.#unsaved;
    const reason = this.#refused ?? this.connection.reason;
    if (this.#closed === "yes") return { kind: "closed", unsaved };
    if (reason !== undefined) return { kind: "refused", unsaved, reason };
    if (this.#link === "live") return { kind: "live", unsaved };
    return { kind: this.connection.kind === "live" ? "connecting" : this.connection.kind, unsaved };
  }

  get presence(): readonly PresenceEntry[] {
    const { pending } = this;
    return pending === undefined ? [] : this.#presence.entries(pending.type, pending.operations, pending.length);
  }

  submit(operation: Operation): void {
    if (this.#closed !== "no") throw new Error("The document is closed.");
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#editing === undefined) throw new Error("The document isn't ready; wait for `ready`.");
    const submitted = this.#editing.submit(operation, this.#own.selection, this.connection.now());
    this.#own.moveSelection(this.#editing.pending.type, submitted, true);
    this.#proceed();
    this.#announce();
  }

  get canUndo(): boolean {
    return this.#canEdit && (this.#editing?.canUndo ?? false);
  }

  get canRedo(): boolean {
    return this.#canEdit && (this.#editing?.canRedo ?? false);
  }

  turn(source: "undo" | "redo"): boolean {
    const turned = this.#canEdit ? this.#editing?.turn(source) : undefined;
    if (turned !== undefined) {
      const { type } = this.pending!;
      for (const operation of turned.operations) this.#own.moveSelection(type, operation, true);
      if (turned.selection) this.#own.selection = turned.selection;
      this.#show(turned.operations, { source, ...(turned.selection && { selection: turned.selection }) });
      this.#proceed();
    }
    // If it is undefined, what there was may have come to nothing.
    this.#announce();
    return turned !== undefined;
  }

  endUndoStep(): void {
    this.#editing?.endUndoStep();
  }

  setSelection(selection: Selection | null): void {
    this.#own.selection = selection ? { anchor: selection.anchor, focus: selection.focus } : undefined;
    this.#showPresence();
  }

  setPresenceState(state: unknown): void {
    this.#own.setState(state);
    this.#showPresence();
  }

  setUser(user: User): void {
    this.#own.setUser(user);
    this.#showPresence();
  }

  close(): void {
    if (this.#closed !== "no") return;
    this.#closed = "when-saved";
    this.#own.selection = undefined;
    if (this.#unsaved === 0 || this.#refused) this.shut();
  }

  /** Takes back a close() that still waits. */
  keepOpen(): void {
    if (this.#closed === "when-saved") this.#closed = "no";
  }

  /** Closes at once. */
  shut(): void {
    if (this.#closed === "yes") return;
    this.#disconnect("closing");
    this.#closed = "yes";
    this.#settleReady.reject(new Error("The document was closed."));
    // A refused one is forgotten already, and may have been opened again since.
    if (this.#refused === undefined) this.connection.forget(this.id, this.pending?.sequence);
    this.#announce();
  }

  /** The connection is there. */
  connected(): void {
    this.#faults = 0;
    this.#open();
  }

  /** The connection is gone, or its state changed while it was. */
  disconnected(): void {
    this.#disconnect();
    if (this.connection.reason && !this.pending) this.#settleReady.reject(this.connection.reason);
    this.#announce();
  }

  /** A message about this document. */
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
        this.events.emit("presence", this.presence);
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
    return this.pending?.unsaved ?? 0;
  }

  get #canEdit(): boolean {
    return this.#closed === "no" && this.#refused === undefined;
  }

  #open(): void {
    this.#link = "opening";
    const known = this.#inDoubt ? undefined : this.pending?.version;
    this.#send("open", create(OpenSchema, { documentId: this.id, ...(known !== undefined && { fromVersion: BigInt(known) }) }));
  }

  // At once the first time; then, as long as nothing comes of it, after longer and longer waits.
  #reopen(atLeast_ms = 0): void {
    const delay_ms = atLeast_ms + (this.#faults++ === 0 ? 0 : this.#backoff.next());
    this.#disconnect("reopening");
    if (delay_ms === 0) this.#open();
    else this.#retry = this.connection.after(delay_ms, () => this.#open());
  }

  #disconnect(tellServer?: "closing" | "reopening"): void {
    if (tellServer !== undefined && this.#link !== "down") {
      const comesBack = tellServer === "reopening";
      this.#send("close", create(CloseSchema, { documentId: this.id, comesBack }));
    }
    this.#link = "down";
    this.#retry?.();
    this.#retry = undefined;
    this.#own.end();
    const alone = this.#presence.size === 0;
    this.#presence.clear();
    if (!alone) this.events.emit("presence", []);
  }

  #opened(message: Opened): void {
    if (this.#link !== "opening") return;
    const hasBeenHere = this.pending !== undefined;
    this.#rename(message.title);
    this.#head = Number(message.head);
    if (message.snapshot !== undefined) {
      const type = this.types.find(({ name }) => name === message.type);
      if (type === undefined) return this.#refuse(unsupported(message.type, this.types));
      const sequence = this.pending?.sequence ?? this.connection.sequence(this.id);
      const pending = new Pending(type, Number(message.version), message.snapshot, sequence);
      const lost = this.pending?.edits ?? [];
      // What could be undone was told in positions that are no more.
      this.#editing = new Editing(pending, this.connection.undo);
      this.#inDoubt = false;
      this.#handBack(lost, new RefusedError("CONTENT_RESET", "The document had to be loaded anew, without this edit."));
      this.events.emit("reset", pending.content);
      this.#settleReady.resolve();
    } else if (this.pending?.version !== Number(message.version)) {
      throw new RangeError("The server resumes from a version that was not asked for.");
    }
    this.#link = "catching-up";
    this.#own.begin(hasBeenHere);
    this.#proceed();
  }

  #rename(title: string): void {
    if (title === this.#title) return;
    this.#title = title;
    this.events.emit("renamed", title);
  }

  #committed(message: Committed): void {
    const [editing, pending] = [this.#editing, this.pending];
    if (this.#link === "opening" || editing === undefined || pending === undefined) return;
    if (Number(message.baseVersion) !== pending.version) return this.#reopen();
    const { type } = pending;
    const changes = new Run<Operation>((first, second) => type.compose(first, second));
    for (const { clientId, clientSeq, operation: bytes, count } of message.operations) {
      const operation = type.decode(bytes);
      const isOwn = clientId === this.connection.clientId;
      if (isOwn && pending.inFlight !== undefined && Number(clientSeq) === pending.sequence) {
        const corrections = editing.acknowledge(operation);
        if (corrections.length > 0) this.divergences++;
        for (const correction of corrections) changes.append(correction);
      } else {
        changes.append(editing.receive(operation, Number(count) || 1));
      }
      this.#presence.move(type, operation, clientId);
      this.#own.moveShown(type, operation, isOwn);
    }
    this.#faults = 0;
    this.#backoff.reset();
    this.#showOthers(changes.operations);
    this.#proceed();
  }

  #acknowledged(message: Ack): void {
    const pending = this.pending;
    if (pending?.inFlight === undefined || Number(message.clientSeq) !== pending.sequence) return;
    // Else it comes with the committed operations.
    if (Number(message.version) > pending.version) return;
    this.divergences++;
    this.#showOthers([this.#editing!.withdraw().change]);
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
      if (this.pending?.inFlight === undefined || Number(message.clientSeq) !== this.pending.sequence) return;
      if (retry === Retry.LATER) {
        this.#retry?.();
        this.#retry = this.connection.after(retryAfterMs + this.#backoff.next(), () => this.#sendInFlight());
      } else if (retry === Retry.REOPEN) {
        this.#reopen(retryAfterMs);
      } else {
        this.#withdraw(error);
        this.#inDoubt = CONTENT_IN_DOUBT.has(message.code);
        if (this.#inDoubt) this.#reopen();
        else this.#proceed();
      }
    } else if (message.code === ErrorCode.VERSION_UNKNOWN && this.pending !== undefined && !this.#inDoubt) {
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
    const pending = this.pending;
    if (pending === undefined) return;
    if (this.#link === "catching-up" && pending.version >= this.#head) {
      this.#link = "live";
      if (pending.inFlight !== undefined) this.#sendInFlight();
    }
    if (this.#link === "live" && pending.launch()) this.#sendInFlight();
    if (this.#unsaved === 0 && this.#closed === "when-saved") this.shut();
    this.#showPresence();
  }

  #sendInFlight(): void {
    const pending = this.pending;
    if (this.#link !== "live" || pending?.inFlight === undefined) return;
    const operation = pending.type.encode(pending.inFlight);
    const limit = this.connection.limits?.operationBytes ?? 0;
    if (limit > 0 && operation.length > limit) {
      const text = `The edit takes ${operation.length} bytes; the server takes at most ${limit}.`;
      this.#withdraw(new RefusedError("OPERATION_TOO_LARGE", text, "operation_bytes", limit));
      return this.#proceed();
    }
    const [baseVersion, clientSeq] = [BigInt(pending.version), BigInt(pending.sequence)];
    this.#send("submit", create(SubmitSchema, { documentId: this.id, baseVersion, clientSeq, operation }));
  }

  #withdraw(error: RefusedError): void {
    const { edit, change } = this.#editing!.withdraw();
    this.#handBack([edit], error);
    this.#showOthers([change]);
  }

  #handBack(edits: readonly Edit<Operation>[], error: RefusedError): void {
    this.refusals += edits.length;
    if (edits.length > 0) this.refusal = error;
    for (const { operation } of edits) this.events.emit("refused", operation, error);
  }

  #refuse(error: RefusedError): void {
    this.#disconnect("closing");
    this.#refused = error;
    const edits = this.#editing?.abandon() ?? [];
    this.#settleReady.reject(error);
    this.connection.forget(this.id, this.pending?.sequence);
    this.#handBack(edits, error);
  }

  // Tells the editor what changed other than by the user's hand.
  #showOthers(changes: readonly Operation[]): void {
    const { type } = this.pending!;
    for (const change of changes) this.#own.moveSelection(type, change, false);
    this.#show(changes.filter((change) => !type.isEmpty(change)), REMOTE);
  }

  #show(changes: readonly Operation[], { selection, ...origin }: ChangeOrigin): void {
    changes.forEach((change, index) => {
      const isLast = index === changes.length - 1;
      this.events.emit("change", change, { ...origin, ...(isLast && selection && { selection }) });
    });
    if (this.#presence.size > 0) this.events.emit("presence", this.presence);
  }

  // While something is unacknowledged the others move this selection by themselves.
  #showPresence(): void {
    if (this.#link === "live" && this.#unsaved === 0) this.#own.show(this.pending!.version, () => this.#showPresence());
  }

  #send<K extends NonNullable<ClientMessage["body"]["case"]>>(
    name: K,
    value: Extract<ClientMessage["body"], { case: K }>["value"],
  ): void {
    this.connection.send({ case: name, value } as ClientMessage["body"]);
  }

  #announce(): void {
    const { canUndo, canRedo } = this;
    if (canUndo !== this.#undoAnnounced.canUndo || canRedo !== this.#undoAnnounced.canRedo)
      this.events.emit("undo", (this.#undoAnnounced = { canUndo, canRedo }));
    const state = this.state;
    const { kind, unsaved, reason } = this.#announced;
    if (state.kind === kind && state.unsaved === unsaved && state.reason === reason) return;
    this.#announced = state;
    this.events.emit("state", state);
    this.connection.changed();
  }
}

function unsupported(type: string, types: readonly DocumentType<any, any>[]): RefusedError {
  const names = types.map(({ name }) => `"${name}"`).join(" or ");
  return new RefusedError("UNSUPPORTED_TYPE", `The document is of type "${type}"; it was opened as ${names}.`);
}
