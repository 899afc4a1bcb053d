// What one user can undo and redo: the inverses of his own edits, kept fitting while everything else goes on. Pure: no
// I/O, no events; moments come in as numbers.
//
// Two stacks. The operations of the topmost step fit what the user sees; those of the next fit what he would see with
// the topmost undone, and so on. What others do is transformed down the stacks, and they over it, with the priority
// that it has everywhere: so an undo never takes anything out that somebody else has put in, and what somebody else has
// put in place of it stays.
//
// A step is in parts, one for each edit that pending.ts keeps together, as long as the server has not acknowledged it:
// an edit that is refused takes just its parts along, and one that was committed otherwise gets another inverse.
import type { Selection } from "./api.js";
import type { DocumentType, Place } from "./document-type.js";
import type { Withdrawal } from "./pending.js";

interface Part<Operation> {
  /** The id of the edit that it takes back. */
  readonly edit: number;
  readonly operation: Operation;
  readonly memory: number;
}

interface Step<Operation> {
  /** In the order in which they were made; they are taken back from the last to the first. */
  parts: Part<Operation>[];
  /** The selection that there was before the step, and so is to be when it is taken back, in positions of then. */
  before: Selection | undefined;
  /** The selection that there was after it, in positions before it is taken back. */
  after: Selection | undefined;
}

/** What takes a step back. */
export interface Taken<Operation> {
  readonly operations: readonly Operation[];
  readonly before: Selection | undefined;
  readonly after: Selection | undefined;
}

/** An edit of the user's, or of an undo or redo. */
export interface Made<Operation> {
  /** What takes it back. */
  readonly inverse: Operation;
  /** The id of the edit that it is a part of. */
  readonly edit: number;
  readonly before: Selection | undefined;
  readonly after: Selection | undefined;
}

/** All steps of a document together take about this much memory at the most. */
export const UNDO_BYTES_MAX = 16 * 1024 * 1024;

export class Undo<Operation, Content> {
  #undo: Step<Operation>[] = [];
  #redo: Step<Operation>[] = [];
  // The burst that still goes on.
  #burst: { step: Step<Operation>; place: Place; last: number } | undefined;

  /** `stepsMax` of each; edits that are more than `pause_ms` apart are never one step. */
  constructor(
    readonly type: DocumentType<Operation, Content>,
    readonly stepsMax: number,
    readonly pause_ms: number,
    readonly bytesMax = UNDO_BYTES_MAX,
  ) {}

  get canUndo(): boolean {
    return this.#undo.length > 0;
  }

  get canRedo(): boolean {
    return this.#redo.length > 0;
  }

  /** The user has made an edit; `now` in milliseconds. */
  record(operation: Operation, made: Made<Operation>, now: number): void {
    this.#redo = [];
    const burst = this.#burst;
    const goesOn = burst !== undefined && burst.step === this.#undo.at(-1) && now - burst.last <= this.pause_ms;
    let place = goesOn ? this.type.goOn(burst.place, operation) : undefined;
    if (place === undefined) {
      this.#undo.push({ parts: [], before: made.before, after: made.after });
      place = this.type.goOn(undefined, operation);
    }
    const step = this.#undo.at(-1)!;
    this.#addPart(step, made);
    step.after = made.after;
    this.#dropEmpty(this.#undo);
    this.#burst = place === undefined ? undefined : { step, place, last: now };
    this.#bound();
  }

  /** The next edit begins a step of its own. */
  endStep(): void {
    this.#burst = undefined;
  }

  /** Takes the topmost step off its stack. */
  take(kind: "undo" | "redo"): Taken<Operation> | undefined {
    this.endStep();
    const step = (kind === "undo" ? this.#undo : this.#redo).pop();
    return step && { operations: step.parts.map((part) => part.operation).reverse(), before: step.before, after: step.after };
  }

  /** What was taken has been applied, in these parts: it can be put back. */
  turn(kind: "undo" | "redo", parts: readonly Made<Operation>[], taken: Taken<Operation>): void {
    if (parts.length === 0) return;
    const step: Step<Operation> = { parts: [], before: taken.after, after: taken.before };
    for (const part of parts) this.#addPart(step, part);
    (kind === "undo" ? this.#redo : this.#undo).push(step);
    this.#bound();
  }

  /** Something has changed what the user sees that isn't an edit of his. */
  receive(change: Operation): void {
    if (this.type.isEmpty(change)) return;
    this.#rebase(this.#undo, change);
    this.#rebase(this.#redo, change);
    if (this.#burst) this.#burst.place = this.type.movePlace(this.#burst.place, change);
  }

  /** An edit was committed as it was thought. */
  acknowledge(edit: number): void {
    for (const stack of [this.#undo, this.#redo]) {
      for (const step of stack) {
        const at = step.parts.findIndex((part) => part.edit === edit);
        // Those before it are acknowledged too: what is acknowledged is one part.
        if (at > 0) this.#join(step, at);
      }
      this.#dropEmpty(stack);
    }
  }

  /** An edit was refused, or was committed otherwise than thought. */
  withdraw(withdrawal: Withdrawal<Operation, Content>): void {
    this.endStep();
    if (withdrawal.isTakenBack) return;
    // Behind an undo or redo that hangs on it nothing sure can be said.
    if (withdrawal.rest.some((edit) => edit.kind !== "edit")) return this.clear();
    const { kind } = withdrawal.edit;
    this.#withdraw(this.#undo, kind !== "undo", withdrawal);
    // An edit, of before or of since, has left nothing to redo.
    if (kind !== "edit" && withdrawal.rest.length === 0) this.#withdraw(this.#redo, kind === "undo", withdrawal);
  }

  clear(): void {
    this.#undo = [];
    this.#redo = [];
    this.endStep();
  }

  #addPart(step: Step<Operation>, { inverse, edit }: Made<Operation>): void {
    // An edit that changed nothing that can be seen, such as making bold what is bold: nothing to take back.
    if (this.type.isEmpty(inverse)) return;
    step.parts.push({ edit, operation: inverse, memory: this.type.memory(inverse) });
    if (step.parts.at(-2)?.edit === edit) this.#join(step, step.parts.length - 1);
  }

  // Makes a part and the one before it one, if that can be.
  #join(step: Step<Operation>, at: number): void {
    const [earlier, later] = [step.parts[at - 1]!, step.parts[at]!];
    const operation = this.type.compose(later.operation, earlier.operation);
    if (operation === undefined) return;
    const joined = { edit: later.edit, operation, memory: this.type.memory(operation) };
    step.parts.splice(at - 1, 2, ...(this.type.isEmpty(operation) ? [] : [joined]));
  }

  // The oldest steps go first, whatever they hold.
  #bound(): void {
    const memoryOf = (steps: Step<Operation>[]): number =>
      steps.reduce((sum, step) => step.parts.reduce((all, part) => all + part.memory, sum), 0);
    let memory = memoryOf(this.#undo) + memoryOf(this.#redo);
    for (const stack of [this.#undo, this.#redo])
      while (stack.length > this.stepsMax || (memory > this.bytesMax && stack.length > 0))
        memory -= memoryOf(stack.splice(0, 1));
  }

  #rebase(stack: Step<Operation>[], change: Operation): void {
    for (let at = stack.length - 1; at >= 0 && !this.type.isEmpty(change); at--) {
      const step = stack[at]!;
      step.after = this.#move(step.after, change);
      change = this.#rebaseParts(step, change);
      step.before = this.#move(step.before, change);
      if (step.parts.length === 0) stack.splice(at, 1);
    }
  }

  // Returns the change as it is below the step.
  #rebaseParts(step: Step<Operation>, change: Operation): Operation {
    for (let at = step.parts.length - 1; at >= 0; at--) {
      const part = step.parts[at]!;
      const operation = this.type.transform(part.operation, change, "right");
      change = this.type.transform(change, part.operation, "left");
      if (this.type.isEmpty(operation)) step.parts.splice(at, 1);
      else step.parts[at] = { edit: part.edit, operation, memory: this.type.memory(operation) };
    }
    return change;
  }

  #move(selection: Selection | undefined, over: Operation): Selection | undefined {
    if (selection === undefined) return undefined;
    const move = (position: number): number => this.type.movePosition(position, over, "left");
    return { anchor: move(selection.anchor), focus: move(selection.focus) };
  }

  // Puts right the parts of a withdrawn edit, and of those after it; what is before it stays as it is. `isOwner`: what
  // the edit did is taken back by this stack, and not by the other one.
  #withdraw(stack: Step<Operation>[], isOwner: boolean, withdrawal: Withdrawal<Operation, Content>): void {
    const { edit, change, base, committed, rest } = withdrawal;
    const { type } = this;
    const instead: Operation[] = [];
    // What is before it was made on what the withdrawn edit led to.
    if (!isOwner) instead.push(edit.operation);
    if (committed !== undefined) instead.push(type.invert(committed, () => base));
    let at = stack.findIndex((step) => step.parts.some((part) => part.edit >= edit.id));
    if (at < 0) at = stack.length;
    if (instead.length > 0) {
      const parts = instead.map((operation) => ({ edit: edit.id, operation, memory: type.memory(operation) }));
      const step = stack[at];
      const index = step?.parts.findIndex((part) => part.edit >= edit.id);
      if (isOwner && step !== undefined) step.parts.splice(index!, 0, ...parts);
      else stack.splice(at, 0, { parts, before: undefined, after: undefined });
    }
    const own = new Set(stack.flatMap((step) => step.parts.filter((part) => instead.includes(part.operation))));

    // The edits after it are others now, and so is what takes them back: one part for each.
    let content = committed === undefined ? base : type.apply(base, committed);
    const inverses = new Map<number, Operation>();
    for (const { id, operation } of rest) {
      const before = content;
      inverses.set(id, type.invert(operation, () => before));
      content = type.apply(content, operation);
    }
    for (const step of stack.slice(at)) {
      step.before = this.#move(step.before, change);
      step.after = this.#move(step.after, change);
      step.parts = step.parts.flatMap((part) => {
        if (part.edit < edit.id || own.has(part)) return [part];
        const operation = inverses.get(part.edit);
        inverses.delete(part.edit);
        return operation === undefined ? [] : [{ edit: part.edit, operation, memory: type.memory(operation) }];
      });
    }
    this.#dropEmpty(stack);
  }

  #dropEmpty(stack: Step<Operation>[]): void {
    for (let at = stack.length - 1; at >= 0; at--) if (stack[at]!.parts.length === 0) stack.splice(at, 1);
  }
}
