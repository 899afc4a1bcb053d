// The title above a document: edited in place and saved when one leaves it. It belongs to the document's record, not to
// its operations.
import { renameDocument } from "../api.js";
import { h } from "../dom.js";
import { toastError } from "./toast.js";

const lengthMax = 200;
export const untitled = "Untitled";

export class Title {
  readonly element: HTMLInputElement;
  #saved = "";

  /** @param done Called when the person has finished with it and wants to go on in the text. */
  constructor(
    private readonly id: string,
    private readonly done: () => void,
  ) {
    this.element = h("input", {
      class: "title", type: "text", "aria-label": "Title", placeholder: untitled, maxlength: lengthMax,
      autocomplete: "off", disabled: true,
      input: () => this.#fit(),
      blur: () => void this.#save(),
      keydown: (event: KeyboardEvent) => {
        // An Enter that ends the composition of a character is not meant for the title.
        if ((event.key !== "Enter" && event.key !== "Escape") || event.isComposing) return;
        // The text takes the focus while the key is still down: it must not take the key as well.
        event.preventDefault();
        if (event.key === "Escape") this.element.value = this.#saved;
        this.done();
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

  async #save(): Promise<void> {
    const title = this.element.value.trim() || untitled;
    this.element.value = title;
    if (title === this.#saved) return this.#fit();
    const before = this.#saved;
    this.#saved = title;
    this.#fit();
    try {
      this.show((await renameDocument(this.id, title)).title);
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
