// Undo in the editor: Quill's own history module knows only one editor's changes, so in its place stands one that hands
// every wish to undo, from the keyboard, the browser's menu or Quill itself, to the document.
import { Module } from "quill/core";
import type Quill from "quill/core";

export interface UndoHandlers {
  readonly undo: () => void;
  readonly redo: () => void;
  /** What comes next is undone apart from what was before. */
  readonly endStep: () => void;
}

export class DocumentUndo extends Module<UndoHandlers> {
  constructor(quill: Quill, options: Partial<UndoHandlers>) {
    super(quill, options);
    const undo = (): void => this.undo();
    const redo = (): void => this.redo();
    quill.keyboard.addBinding({ key: "z", shortKey: true }, undo);
    quill.keyboard.addBinding({ key: ["z", "Z"], shortKey: true, shiftKey: true }, redo);
    quill.keyboard.addBinding({ key: "y", ctrlKey: true }, redo);
    quill.root.addEventListener("beforeinput", (event) => {
      if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return;
      // The browser would take back what it remembers of the page, others' edits among it.
      event.preventDefault();
      if (event.inputType === "historyUndo") undo();
      else redo();
    });
  }

  undo(): void {
    this.options.undo?.();
  }

  redo(): void {
    this.options.redo?.();
  }

  /** Quill calls this around edits that are to be undone by themselves, such as the list that "- " becomes. */
  cutoff(): void {
    this.options.endStep?.();
  }

  /** Quill calls this for its first content, which nobody has typed. */
  clear(): void {}
}
