// The title above a document: edited in place, saved when one leaves it, and read again when somebody else may have
// changed it. The title lives in the document's record, not in its operations.
import { getDocument, renameDocument } from "../api.js";
import { h } from "../dom.js";
import { toastError } from "./toast.js";

const lengthMax = 200;
export const untitled = "Untitled";

export class Title {
  readonly element: HTMLInputElement;
  #saved = "";

  /** @param renamed Called when this user gave the document another title. */
  constructor(
    private readonly id: string,
    private readonly done: () => void,
    private readonly renamed: () => void,
  ) {
    this.element = h("input", {
      class: "title", type: "text", "aria-label": "Title", placeholder: untitled, maxlength: lengthMax,
      autocomplete: "off", disabled: true,
      input: () => this.#fit(),
      blur: () => void this.#save(),
      keydown: (event: KeyboardEvent) => {
        if (event.key === "Escape") this.element.value = this.#saved;
        if (event.key === "Enter" || event.key === "Escape") this.done();
      },
    });
  }

  /** Shows a title that the server told. What is being typed stays. */
  show(title: string): void {
    this.#saved = title;
    this.element.disabled = false;
    if (document.activeElement !== this.element) this.element.value = title;
    this.#fit();
  }

  select(): void {
    this.element.select();
  }

  /** Asks the server for the title. */
  async refresh(): Promise<void> {
    try {
      this.show((await getDocument(this.id)).title);
    } catch {
      // It is asked for again at the next occasion; the document itself tells when it is gone.
    }
  }

  async #save(): Promise<void> {
    const title = this.element.value.trim() || untitled;
    this.element.value = title;
    if (title === this.#saved) return this.#fit();
    const before = this.#saved;
    this.#saved = title;
    this.#fit();
    try {
      this.show((await renameDocument(this.id, title)).title);
      this.renamed();
    } catch (error) {
      this.show(before);
      toastError(error);
    }
  }

  #fit(): void {
    document.title = `${this.element.value.trim() || untitled} · CloudSync`;
    // For browsers that don't know `field-sizing`.
    this.element.size = Math.max(6, this.element.value.length);
  }
}
