// What one client knows of one document, and all of the merging: the committed content at a version, and the user's
// own edits on top of it, the first of which may be in flight. Pure: no time, no I/O, no events.
//
// The rule (docs/protocol.md): what is committed has priority. Own edits are transformed over each committed operation,
// and it over them before the editor sees it.
import Delta from "quill-delta";
import { Content } from "./content.js";
import { canonical, checkTexts, encodeOperation, equalJson, measure, reorder } from "./operation-codec.js";

/** Edits composed into one operation that is sent as a whole. */
export interface Edit {
  readonly operation: Delta;
  /** How many of the user's edits it holds. */
  readonly count: number;
  /** What they took, encoded one by one. */
  readonly bytes: number;
}

// Edits made offline are composed up to this size, well below what servers accept in one operation.
const COMPOSED_BYTES_MAX = 64 * 1024;

export class Pending {
  #version: number;
  #committed: Content;
  #committedLength: number;
  #edits: readonly Edit[] = [];
  #inFlight = false;
  #sequence: number;
  #seen: Delta | undefined;

  /** `sequence` is the number of the client's last operation on the document, 0 if there was none. */
  constructor(
    readonly type: string,
    version: number,
    snapshot: Delta,
    sequence: number,
  ) {
    const { insertsOnly, lengthChange } = measure(snapshot);
    if (!insertsOnly) throw new RangeError("A snapshot holds nothing but inserts.");
    this.#version = version;
    this.#committed = new Content(snapshot);
    this.#committedLength = lengthChange;
    this.#sequence = sequence;
  }

  get version(): number {
    return this.#version;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** What the user sees. Composed when asked for; not to be changed. */
  get content(): Delta {
    return (this.#seen ??= this.operations.reduce((content, edit) => content.compose(edit), this.#committed.delta));
  }

  /** UTF-16 code units of the content, an embed counting as one. */
  get length(): number {
    return this.operations.reduce((length, edit) => length + measure(edit).lengthChange, this.#committedLength);
  }

  /** The user's edits that are not acknowledged. */
  get unsaved(): number {
    return this.#edits.reduce((count, edit) => count + edit.count, 0);
  }

  get edits(): readonly Edit[] {
    return this.#edits;
  }

  /** The operations that lead from what is committed to what the user sees. */
  get operations(): readonly Delta[] {
    return this.#edits.map((edit) => edit.operation);
  }

  get inFlight(): Delta | undefined {
    return this.#inFlight ? this.#edits[0]?.operation : undefined;
  }

  /**
   * Takes an edit of what the user sees, and returns it in canonical form.
   * @throws {RangeError} It can't be expressed or doesn't fit; nothing has changed.
   */
  submit(delta: Delta): Delta {
    const operation = canonical(delta);
    const { requiredLength, plain } = measure(operation);
    const length = this.length;
    if (requiredLength > length)
      throw new RangeError(`The edit reaches to ${requiredLength}; the document is ${length} code units long.`);
    if (this.type === "text" && !plain) throw new RangeError("A plain text has no attributes and no embeds.");
    if (operation.ops.length === 0) return operation;
    let edit: Edit = { operation, count: 1, bytes: encodeOperation(operation).length };
    const last = this.#edits.at(-1);
    const waiting = this.#edits.length > (this.#inFlight ? 1 : 0);
    const fits = last !== undefined && last.bytes + edit.bytes <= COMPOSED_BYTES_MAX;
    if (waiting && fits && !measure(last.operation).changesEmbeds) {
      const composed = last.operation.compose(operation);
      checkTexts(composed);
      edit = { operation: composed, count: last.count + 1, bytes: last.bytes + edit.bytes };
      this.#change([...this.#edits.slice(0, -1), edit]);
    } else {
      this.#change([...this.#edits, edit]);
    }
    return operation;
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
   * @throws {RangeError} It doesn't fit what is known of the document.
   */
  receive(operation: Delta, count: number): Delta {
    const { requiredLength, lengthChange } = measure(operation);
    if (requiredLength > this.#committedLength)
      throw new RangeError(`A committed operation reaches to ${requiredLength} of ${this.#committedLength}.`);
    const change = this.#rebase(operation, this.#edits);
    this.#commit(operation, lengthChange, count);
    return change;
  }

  /**
   * Takes the operation in flight as it was committed. Undefined if it is, as it should be, what it was transformed to
   * here. If it isn't, the committed one counts; what is returned then changes what the user sees accordingly.
   */
  acknowledge(operation: Delta): Delta | undefined {
    const own = this.inFlight;
    if (own === undefined) throw new RangeError("An operation is acknowledged and none is in flight.");
    if (equalJson(own.ops, reorder(operation).ops)) {
      this.#inFlight = false;
      this.#commit(own, measure(own).lengthChange, 1);
      this.#change(this.#edits.slice(1));
      return undefined;
    }
    const { change } = this.withdraw();
    return change.compose(this.receive(operation, 1));
  }

  /** Takes the operation in flight back out of what the user sees; `change` is what that changes. */
  withdraw(): { edit: Edit; change: Delta } {
    const [edit, ...rest] = this.#edits;
    if (!this.#inFlight || edit === undefined) throw new RangeError("Nothing is in flight.");
    const inverse = edit.operation.invert(this.#committed.delta);
    this.#inFlight = false;
    return { edit, change: this.#rebase(inverse, rest) };
  }

  /** Takes all edits out of what the user sees. */
  abandon(): readonly Edit[] {
    const edits = this.#edits;
    this.#inFlight = false;
    this.#change([]);
    return edits;
  }

  // Rewrites edits so that they come after `theirs`, and returns `theirs` rewritten to come after them.
  #rebase(theirs: Delta, edits: readonly Edit[]): Delta {
    const rebased: Edit[] = [];
    for (const edit of edits) {
      const operation = theirs.transform(edit.operation, true);
      theirs = edit.operation.transform(theirs, false);
      // Nothing left of it, and the server doesn't know it: it needn't be sent. (In flight it is the first.)
      const known = this.#inFlight && rebased.length === 0;
      if (known || operation.ops.length > 0) rebased.push({ ...edit, operation });
    }
    this.#change(rebased);
    return theirs;
  }

  #commit(operation: Delta, lengthChange: number, count: number): void {
    this.#committed.append(operation);
    this.#committedLength += lengthChange;
    this.#version += count;
    this.#seen = undefined;
  }

  #change(edits: readonly Edit[]): void {
    // Edits that undo each other leave nothing to send.
    const empty = edits.length > (this.#inFlight ? 1 : 0) && edits.at(-1)?.operation.ops.length === 0;
    this.#edits = empty ? edits.slice(0, -1) : edits;
    this.#seen = undefined;
  }
}
