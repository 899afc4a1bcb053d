// Operations gathered at little cost, and the committed content of a document of rich text, brought up to date only
// when somebody looks.
//
// Composing a delta with a whole document costs as much as the document is long; composing two small deltas costs
// little. So operations are gathered like the digits of a binary counter: two neighbours made of equally many become
// one, and only who looks at the content pays for the document.
import Delta from "quill-delta";
import { measure } from "./operation-codec.js";

/** Operations in turn, composed to as few as can be. */
export class Run<Operation> {
  #done: Operation[] = [];
  #tail: { operation: Operation; rank: number }[] = [];

  /** `compose` returns undefined for two that have to stay two. */
  constructor(readonly compose: (first: Operation, second: Operation) => Operation | undefined) {}

  append(operation: Operation): void {
    let entry = { operation, rank: 0 };
    while (this.#tail.at(-1)?.rank === entry.rank) {
      const composed = this.compose(this.#tail.at(-1)!.operation, entry.operation);
      if (composed === undefined) {
        this.#done = this.operations;
        this.#tail = [];
        break;
      }
      this.#tail.pop();
      entry = { operation: composed, rank: entry.rank + 1 };
    }
    this.#tail.push(entry);
  }

  get operations(): Operation[] {
    const composed: Operation[] = [];
    for (const { operation } of [...this.#tail].reverse()) {
      const later = composed[0] === undefined ? undefined : this.compose(operation, composed[0]);
      if (later === undefined) composed.unshift(operation);
      else composed[0] = later;
    }
    return [...this.#done, ...composed];
  }
}

// Changes of embeds are composed with what comes after them only onto a document (operation-codec.ts).
const composeDeltas = (first: Delta, second: Delta): Delta | undefined =>
  measure(first).changesEmbeds ? undefined : first.compose(second);

export class Content {
  #base: Delta;
  #run = new Run(composeDeltas);
  #isCurrent = true;

  constructor(base: Delta) {
    this.#base = base;
  }

  append(delta: Delta): void {
    this.#run.append(delta);
    this.#isCurrent = false;
  }

  get content(): Delta {
    if (!this.#isCurrent) {
      this.#base = this.#run.operations.reduce((content, delta) => content.compose(delta), this.#base);
      this.#run = new Run(composeDeltas);
      this.#isCurrent = true;
    }
    return this.#base;
  }
}
