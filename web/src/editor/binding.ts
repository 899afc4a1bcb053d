// Keeps a Quill editor and a collaborative document equal: what is typed is submitted, what others do is shown, and
// so is what the document undoes.
//
// The rule: the editor shows toEditor(document.content), plus the tail if the content does not end with a newline
// (content.ts). While an input method composes a character the browser owns the text, so that others' edits are held
// back until it is done; an edit that comes out of the composition is then moved over them.
import { Delta, type ChangeOrigin, type CollaborativeDocument, type Selection } from "@cloudsync/client";
import type Quill from "quill/core";
import { needsTail, tailAfter, tailGone, toDocument, toEditor } from "./content.js";

const compositionEnded = "composition-end";

export class Binding {
  readonly #quill: Quill;
  readonly #document: CollaborativeDocument;
  readonly #unbind: (() => void)[] = [];
  readonly #knows = (embed: string): boolean => this.#quill.scroll.query(embed) !== null;
  // Code units in the document, without the tail.
  #length = 0;
  #tail = true;
  // Edits that the editor doesn't show yet, in its positions, and what is to be selected then.
  #held: Delta | null = null;
  #selection: Selection | undefined;

  /** @param edited Called after every change of the text, whoever made it. */
  constructor(
    quill: Quill,
    document: CollaborativeDocument,
    private readonly edited: () => void,
  ) {
    this.#quill = quill;
    this.#document = document;

    const typed = (delta: Delta, _before: Delta, source: string): void => {
      if (source === "user") this.#local(delta);
    };
    const composed = (): void => this.#release();
    quill.on("text-change", typed);
    quill.on(compositionEnded as "text-change", composed);
    this.#unbind.push(
      () => quill.off("text-change", typed),
      () => quill.off(compositionEnded as "text-change", composed),
      document.on("change", (delta, origin) => this.#change(delta, origin)),
      document.on("reset", () => this.show()),
    );
  }

  /** Shows the document's content in place of what the editor shows. */
  show(): void {
    const content = this.#document.content;
    const selection = this.#quill.getSelection();
    this.#held = null;
    this.#selection = undefined;
    this.#length = content.length();
    this.#tail = needsTail(content);
    const shown = toEditor(content, this.#knows);
    this.#quill.setContents(this.#tail ? shown.compose(tailAfter(this.#length)) : shown, "api");
    if (selection) this.#quill.setSelection(selection, "silent");
    this.edited();
  }

  /** Whether the editor holds as much as the document: were it not so, typing would land in wrong places. */
  get sound(): boolean {
    return this.#quill.getLength() === this.#length + (this.#tail ? 1 : 0);
  }

  release(): void {
    for (const unbind of this.#unbind) unbind();
  }

  #local(delta: Delta): void {
    let edit = delta;
    if (this.#held) {
      edit = this.#held.transform(delta, true);
      this.#held = delta.transform(this.#held, false);
    }
    if (this.#tail) {
      edit = tailAfter(this.#length).compose(edit);
      this.#tail = false;
    }
    edit = toDocument(edit);
    this.#length += growth(edit);
    try {
      this.#document.submit(edit);
    } catch (error) {
      // It can't be expressed, so it never happened.
      this.show();
      throw error;
    }
    this.edited();
  }

  // Others' edits, or an undo or redo.
  #change(delta: Delta, { selection }: ChangeOrigin): void {
    // In steps that each leave the text whole only at the end: without the old tail, edited, with the new one.
    let edit = toEditor(delta, this.#knows);
    const tailWas = this.#tail;
    const lengthWas = this.#length;
    this.#tail = needsTail(this.#document.content);
    this.#length += growth(delta);
    if (tailWas !== this.#tail) {
      edit = tailWas ? tailGone(lengthWas).compose(edit) : edit.compose(tailAfter(this.#length));
    }
    this.#held = this.#held ? this.#held.compose(edit) : edit;
    this.#selection = selection;
    // What the browser has typed and Quill has not noticed yet comes first, as it was typed before this was shown.
    this.#quill.update("user");
    if (!this.#quill.composition.isComposing) this.#release();
  }

  #release(): void {
    const held = this.#held;
    if (!held) return;
    this.#held = null;
    this.#quill.updateContents(held, "api");
    const selection = this.#selection;
    this.#selection = undefined;
    if (!this.sound) return this.show();
    if (selection) {
      const { anchor, focus } = selection;
      this.#quill.setSelection(Math.min(anchor, focus), Math.abs(focus - anchor), "api");
      this.#quill.scrollSelectionIntoView();
    }
    this.edited();
  }
}

function growth(delta: Delta): number {
  return delta.ops.reduce((sum, op) => {
    if (op.delete !== undefined) return sum - op.delete;
    if (op.insert === undefined) return sum;
    return sum + (typeof op.insert === "string" ? op.insert.length : 1);
  }, 0);
}
