// What one client knows of one document, and all of the merging: the committed content at a version, and the user's
// own edits on top of it, the first of which may be in flight. Pure: no time, no I/O, no events.
//
// The rule (docs/protocol.md): what is committed has priority. Own edits are transformed over each committed operation,
// and it over them before the editor sees it.
import type { Committed, DocumentType } from "./document-type.js";
import { equalJson } from "./equal-json.js";

/** Whether the user made an edit, or took one back, or put it back. */
export type EditKind = "edit" | "undo" | "redo";

/** Edits composed into one operation that is sent as a whole. */
export interface Edit<Operation> {
  /** From 1; no two are the same. */
  readonly id: number;
  readonly operation: Operation;
  readonly kind: EditKind;
  /** How many of the user's edits it holds. */
  readonly count: number;
  /** What they took, encoded one by one. */
  readonly bytes: number;
}

/** The operation in flight was taken out of what the user sees. */
export interface Withdrawal<Operation, Content> {
  readonly edit: Edit<Operation>;
  /** What that changes in what the user sees. */
  readonly change: Operation;
  /** The committed content that it was on. */
  readonly base: Content;
  /** Was it committed otherwise: how. */
  readonly committed?: Operation;
  /** What that then changes in what the user sees. */
  readonly committedChange?: Operation;
  /** The edits behind it as they are now. */
  readonly rest: readonly Edit<Operation>[];
  /** The user had taken it back himself already: it went together with the edit that did so, and nothing changed. */
  readonly isTakenBack: boolean;
}

// Edits made offline are composed up to this size, well below what servers accept in one operation.
const COMPOSED_BYTES_MAX = 64 * 1024;

export class Pending<Operation, Content> {
  #version: number;
  readonly #committed: Committed<Operation, Content>;
  #committedLength: number;
  #edits: readonly Edit<Operation>[] = [];
  #inFlight = false;
  #sequence: number;
  #lastId = 0;
  #seen: Content | undefined;

  /**
   * `sequence` is the number of the client's last operation on the document, 0 if there was none.
   * @throws {Error} The snapshot is none.
   */
  constructor(
    readonly type: DocumentType<Operation, Content>,
    version: number,
    snapshot: Uint8Array,
    sequence: number,
  ) {
    this.#version = version;
    this.#committed = type.readSnapshot(snapshot);
    this.#committedLength = type.length(this.#committed.content);
    this.#sequence = sequence;
  }

  get version(): number {
    return this.#version;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** What the user sees. Composed when asked for; not to be changed. */
  get content(): Content {
    return (this.#seen ??= this.operations.reduce((content, edit) => this.#apply(content, edit), this.#committed.content));
  }

  /** The length of the content; 0 for a type that has none. */
  get length(): number {
    return this.operations.reduce((length, edit) => length + this.type.measure(edit).lengthChange, this.#committedLength);
  }

  /** The user's edits that are not acknowledged. */
  get unsaved(): number {
    return this.#edits.reduce((count, edit) => count + edit.count, 0);
  }

  get edits(): readonly Edit<Operation>[] {
    return this.#edits;
  }

  /** The id of the edit in flight. */
  get inFlightId(): number | undefined {
    return this.#inFlight ? this.#edits[0]?.id : undefined;
  }

  /** The operations that lead from what is committed to what the user sees. */
  get operations(): readonly Operation[] {
    return this.#edits.map((edit) => edit.operation);
  }

  get inFlight(): Operation | undefined {
    return this.#inFlight ? this.#edits[0]?.operation : undefined;
  }

  /**
   * An edit of what the user sees in the form that `submit` takes.
   * @throws {RangeError} It can't be expressed or doesn't fit.
   */
  check(operation: Operation): Operation {
    return this.type.check(operation, () => this.content, this.length);
  }

  /**
   * Takes what `check` returned, and returns the id of the edit that it has become a part of; undefined if it does
   * nothing.
   * @throws {RangeError} It can't be expressed together with what was there; nothing has changed.
   */
  submit(operation: Operation, kind: EditKind = "edit"): number | undefined {
    if (this.type.isEmpty(operation)) return undefined;
    const bytes = this.type.encode(operation).length;
    const last = this.#edits.at(-1);
    const waiting = this.#edits.length > (this.#inFlight ? 1 : 0);
    // What takes back and what is taken back stay apart, so that a refusal of the one finds the other (undo.ts).
    const fits = last !== undefined && last.kind === kind && last.bytes + bytes <= COMPOSED_BYTES_MAX;
    const composed = waiting && fits ? this.type.compose(last.operation, operation) : undefined;
    if (composed !== undefined) {
      const edit = { ...last!, operation: composed, count: last!.count + 1, bytes: last!.bytes + bytes };
      this.#change([...this.#edits.slice(0, -1), edit]);
      return edit.id;
    }
    const id = ++this.#lastId;
    this.#change([...this.#edits, { id, operation, kind, count: 1, bytes }]);
    return id;
  }

  /** Puts the next edit in flight under a new sequence number; false if there is none or one is there already. */
  launch(): boolean {
    if (this.#inFlight || this.#edits.length === 0) return false;
    this.#inFlight = true;
    this.#sequence++;
    return true;
  }

  /**
   * Takes a committed operation that somebody else made, `count` versions in one, and returns what it changes in what
   * the user sees.
   * @throws {Error} It doesn't fit what is known of the document.
   */
  receive(operation: Operation, count: number): Operation {
    const { requiredLength, lengthChange } = this.type.measure(operation);
    if (requiredLength > this.#committedLength)
      throw new RangeError(`A committed operation reaches to ${requiredLength} of ${this.#committedLength}.`);
    this.#commit(operation, lengthChange, count);
    return this.#rebase(operation, this.#edits);
  }

  /**
   * Takes the operation in flight as it was committed. Undefined if it is, as it should be, what it was transformed to
   * here. If it isn't, the committed one counts: what is here is withdrawn, and the committed one put in.
   */
  acknowledge(operation: Operation): Withdrawal<Operation, Content> | undefined {
    const own = this.inFlight;
    if (own === undefined) throw new RangeError("An operation is acknowledged and none is in flight.");
    if (this.type.isEqual(own, operation)) {
      const seen = this.#seen;
      this.#commit(own, this.type.measure(own).lengthChange, 1);
      this.#inFlight = false;
      this.#change(this.#edits.slice(1));
      // What the user sees is what it was.
      this.#seen = seen;
      return undefined;
    }
    const withdrawal = this.withdraw();
    const committedChange = this.receive(operation, 1);
    return { ...withdrawal, committed: operation, committedChange, rest: this.#edits, isTakenBack: false };
  }

  /** Takes the operation in flight back out of what the user sees. */
  withdraw(): Withdrawal<Operation, Content> {
    const [edit, ...rest] = this.#edits;
    if (!this.#inFlight || edit === undefined) throw new RangeError("Nothing is in flight.");
    const base = this.#committed.content;
    this.#inFlight = false;
    // Has the user taken it back himself, both go. (Taken out by itself, what it deleted would come back twice.)
    const isTakenBack =
      rest[0]?.kind === "undo" &&
      equalJson(this.#apply(this.#apply(base, edit.operation), rest[0].operation), base);
    let change = this.type.nothing;
    if (isTakenBack) this.#change(rest.slice(1));
    else change = this.#rebase(this.type.invert(edit.operation, () => base), rest);
    return { edit, change, base, rest: this.#edits, isTakenBack };
  }

  /** Takes all edits out of what the user sees. */
  abandon(): readonly Edit<Operation>[] {
    const edits = this.#edits;
    this.#inFlight = false;
    this.#change([]);
    return edits;
  }

  // Rewrites edits so that they come after `theirs`, and returns `theirs` rewritten to come after them.
  #rebase(theirs: Operation, edits: readonly Edit<Operation>[]): Operation {
    const rebased: Edit<Operation>[] = [];
    for (const edit of edits) {
      const operation = this.type.transform(edit.operation, theirs, "right");
      theirs = this.type.transform(theirs, edit.operation, "left");
      // Nothing left of it, and the server doesn't know it: it needn't be sent. (In flight it is the first.)
      const known = this.#inFlight && rebased.length === 0;
      if (known || !this.type.isEmpty(operation)) rebased.push({ ...edit, operation });
    }
    this.#change(rebased);
    return theirs;
  }

  #commit(operation: Operation, lengthChange: number, count: number): void {
    this.#committed.append(operation);
    this.#committedLength += lengthChange;
    this.#version += count;
    this.#seen = undefined;
  }

  #change(edits: readonly Edit<Operation>[]): void {
    const last = edits.at(-1);
    // Edits that cancel each other out leave nothing to send.
    const empty = edits.length > (this.#inFlight ? 1 : 0) && last !== undefined && this.type.isEmpty(last.operation);
    this.#edits = empty ? edits.slice(0, -1) : edits;
    this.#seen = undefined;
  }

  // An own edit can come not to fit by what others committed (a step of its path is gone); the server will refuse it.
  #apply(content: Content, edit: Operation): Content {
    try {
      return this.type.apply(content, edit);
    } catch {
      return content;
    }
  }
}
