// The user's edits of one document, and how he takes them back: pending.ts and undo.ts kept in step. Pure: no I/O, no
// events; moments come in as numbers.
import type { Selection } from "./api.js";
import type { DocumentType } from "./document-type.js";
import { Pending, type Edit } from "./pending.js";
import { moveSelection } from "./presence.js";
import { Undo, type Made } from "./undo.js";

/** What an undo or redo changes in what the user sees. */
export interface Turned<Operation> {
  /** In turn; never none. */
  readonly operations: readonly Operation[];
  /** What is to be selected then, if it is known. */
  readonly selection: Selection | undefined;
}

export interface UndoOptions {
  readonly steps: number;
  readonly pause_ms: number;
}

export class Editing<Operation, Content> {
  readonly #undo: Undo<Operation, Content> | undefined;

  constructor(
    readonly pending: Pending<Operation, Content>,
    { steps, pause_ms }: UndoOptions,
  ) {
    this.#undo = steps > 0 ? new Undo(pending.type, steps, pause_ms) : undefined;
  }

  get canUndo(): boolean {
    return this.#undo?.canUndo ?? false;
  }

  get canRedo(): boolean {
    return this.#undo?.canRedo ?? false;
  }

  /**
   * Takes an edit of what the user sees, made at `now` with `selection` selected, and returns it as it is kept.
   * @throws {RangeError} It can't be expressed or doesn't fit; nothing has changed.
   */
  submit(edit: Operation, selection: Selection | undefined, now: number): Operation {
    const operation = this.pending.check(edit);
    const made = this.#make(operation, "edit", selection);
    if (made !== undefined) this.#undo?.record(operation, made, now);
    return operation;
  }

  endUndoStep(): void {
    this.#undo?.endStep();
  }

  /** Takes the last step back, or puts the last one that was taken back in again; undefined if there is none. */
  turn(kind: "undo" | "redo"): Turned<Operation> | undefined {
    for (;;) {
      const taken = this.#undo?.take(kind);
      if (taken === undefined) return undefined;
      const operations: Operation[] = [];
      const parts: Made<Operation>[] = [];
      for (const wanted of taken.operations) {
        try {
          const operation = this.pending.check(wanted);
          const made = this.#make(operation, kind, undefined);
          if (made === undefined) continue;
          parts.push(made);
          operations.push(operation);
        } catch {
          // What it would change is gone. The rest of the step still counts.
        }
      }
      this.#undo!.turn(kind, parts, taken);
      if (operations.length > 0) return { operations, selection: this.#clamp(taken.before) };
    }
  }

  /** As Pending's. */
  receive(operation: Operation, count: number): Operation {
    const change = this.pending.receive(operation, count);
    this.#undo?.receive(change);
    return change;
  }

  /**
   * Takes the operation in flight as it was committed, and returns what that changes in what the user sees: nothing,
   * unless it was committed otherwise than thought.
   */
  acknowledge(operation: Operation): readonly Operation[] {
    const edit = this.pending.inFlightId;
    const replaced = this.pending.acknowledge(operation);
    if (replaced === undefined) {
      this.#undo?.acknowledge(edit!);
      return [];
    }
    this.#undo?.withdraw(replaced);
    return [replaced.change, replaced.committedChange!];
  }

  /** Takes the operation in flight back out of what the user sees; `change` is what that changes. */
  withdraw(): { edit: Edit<Operation>; change: Operation } {
    const withdrawal = this.pending.withdraw();
    this.#undo?.withdraw(withdrawal);
    return withdrawal;
  }

  /** Takes all edits out of what the user sees; nothing can be undone any more. */
  abandon(): readonly Edit<Operation>[] {
    this.#undo?.clear();
    return this.pending.abandon();
  }

  #clamp(selection: Selection | undefined): Selection | undefined {
    const { length } = this.pending;
    return selection && { anchor: Math.min(selection.anchor, length), focus: Math.min(selection.focus, length) };
  }

  #make(operation: Operation, kind: Edit<Operation>["kind"], before: Selection | undefined): Made<Operation> | undefined {
    const { pending } = this;
    const type: DocumentType<Operation, Content> = pending.type;
    const inverse = this.#undo === undefined ? type.nothing : type.invert(operation, () => pending.content);
    const edit = pending.submit(operation, kind);
    return edit === undefined ? undefined : { inverse, edit, before, after: before && moveSelection(type, before, operation, true) };
  }
}
