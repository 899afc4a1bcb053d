// The committed content of a document, brought up to date only when somebody looks.
//
// Composing a delta with a whole document costs as much as the document is long; composing two small deltas costs
// little. So edits are gathered like the digits of a binary counter: two neighbours made of equally many edits become
// one, and only `delta` pays for the document.
import Delta from "quill-delta";
import { measure } from "./operation-codec.js";

export class Content {
  #base: Delta;
  #tail: { delta: Delta; rank: number }[] = [];

  constructor(base: Delta) {
    this.#base = base;
  }

  append(delta: Delta): void {
    if (measure(delta).changesEmbeds) {
      this.#base = this.delta.compose(delta);
      return;
    }
    let entry = { delta, rank: 0 };
    while (this.#tail.at(-1)?.rank === entry.rank) {
      const before = this.#tail.pop()!;
      entry = { delta: before.delta.compose(entry.delta), rank: entry.rank + 1 };
    }
    this.#tail.push(entry);
  }

  get delta(): Delta {
    if (this.#tail.length > 0) {
      this.#base = this.#base.compose(this.#tail.reduceRight((later, entry) => entry.delta.compose(later), new Delta()));
      this.#tail = [];
    }
    return this.#base;
  }
}
