// The small card at a link in the text: where it leads, and a field to set, change or remove it.
import type Quill from "quill/core";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { linkAddress } from "./quill.js";

interface Span {
  readonly index: number;
  readonly length: number;
}

export class LinkCard {
  readonly element: HTMLElement;
  readonly #quill: Quill;
  readonly #address: HTMLAnchorElement;
  readonly #input: HTMLInputElement;
  readonly #problem: HTMLElement;
  #span: Span | null = null;
  // An edit by somebody else moves the text that the card is about.
  readonly #moved: (delta: { transformPosition(index: number): number }) => void;

  constructor(quill: Quill) {
    this.#quill = quill;
    this.#address = h("a", { target: "_blank", rel: "noopener noreferrer" });
    this.#input = h("input", {
      type: "text", inputmode: "url", placeholder: "Paste or type a link", "aria-label": "Link address",
      autocomplete: "off", spellcheck: "false",
    });
    this.#problem = h("p", { class: "problem", role: "alert" });
    this.element = h(
      "div",
      { class: "link-card", hidden: true, role: "group", "aria-label": "Link" },
      h("div", { class: "link-look" },
        this.#address,
        h("button", { type: "button", class: "quiet", "aria-label": "Change link", title: "Change", click: () => this.#edit() }, icon("pencil")),
        h("button", { type: "button", class: "quiet", "aria-label": "Remove link", title: "Remove", click: () => this.#set(null) }, icon("close")),
      ),
      h("form", {
        class: "link-form",
        submit: (event: SubmitEvent) => { event.preventDefault(); this.#apply(); },
        keydown: (event: KeyboardEvent) => { if (event.key === "Escape") { event.stopPropagation(); this.#leave(); } },
      }, this.#input, h("button", { type: "submit", class: "small primary" }, "Apply")),
      this.#problem,
    );
    this.#moved = (delta) => {
      if (!this.#span) return;
      const start = delta.transformPosition(this.#span.index);
      const end = delta.transformPosition(this.#span.index + this.#span.length);
      this.#span = { index: start, length: end - start };
      this.#place();
    };
    quill.on("text-change", this.#moved);
    // The card shows itself beside a link that the caret is in.
    quill.on("selection-change", (range) => {
      if (range) this.#look(range);
    });
    this.element.addEventListener("focusout", (event) => {
      if (!this.element.contains(event.relatedTarget as Node | null) && event.relatedTarget !== quill.root) this.hide();
    });
  }

  /** Asks for the address of what is selected. Without a selection, of the link that the caret is in. */
  open(): void {
    const range = this.#quill.getSelection(true);
    const span = this.#linkAround(range.index) ?? (range.length > 0 ? range : null);
    if (!span) {
      this.#span = { index: range.index, length: 0 };
    } else {
      this.#span = range.length > 0 ? { index: range.index, length: range.length } : span;
    }
    this.#edit();
  }

  hide(): void {
    this.element.hidden = true;
    this.#span = null;
  }

  #look(range: Span): void {
    const span = range.length === 0 ? this.#linkAround(range.index) : null;
    if (!span) return this.hide();
    this.#span = span;
    const address = String(this.#quill.getFormat(span.index, span.length)["link"] ?? "");
    this.#address.href = address;
    this.#address.textContent = address.replace(/^(https?:\/\/|mailto:)/, "").replace(/\/$/, "");
    this.#show("looking");
  }

  #edit(): void {
    const span = this.#span;
    if (!span) return;
    const link = span.length > 0 ? this.#quill.getFormat(span.index, span.length)["link"] : undefined;
    this.#input.value = typeof link === "string" ? link : "";
    this.#problem.textContent = "";
    this.#show("editing");
    this.#input.focus();
    this.#input.select();
  }

  #apply(): void {
    if (this.#input.value.trim() === "") return this.#set(null);
    const address = linkAddress(this.#input.value);
    if (address) return this.#set(address, this.#input.value.trim());
    this.#problem.textContent = "That address can’t be used for a link.";
  }

  #set(address: string | null, text = ""): void {
    const span = this.#span;
    this.hide();
    if (!span) return;
    if (span.length > 0) {
      this.#quill.formatText(span.index, span.length, "link", address ?? false, "user");
      this.#quill.setSelection(span.index + span.length, 0, "silent");
    } else if (address) {
      this.#quill.insertText(span.index, text, { link: address }, "user");
      this.#quill.setSelection(span.index + text.length, 0, "silent");
    }
    this.#quill.focus();
  }

  #leave(): void {
    const span = this.#span;
    this.hide();
    if (span) this.#quill.setSelection(span.index, span.length, "silent");
    this.#quill.focus();
  }

  #show(mode: "looking" | "editing"): void {
    this.element.dataset["mode"] = mode;
    this.element.hidden = false;
    this.#place();
  }

  #place(): void {
    if (this.element.hidden || !this.#span) return;
    const bounds = this.#quill.getBounds(this.#span.index, this.#span.length);
    if (!bounds) return;
    const widest = this.#quill.container.clientWidth - this.element.offsetWidth;
    this.element.style.left = `${Math.max(0, Math.min(bounds.left, widest))}px`;
    this.element.style.top = `${bounds.bottom + 8}px`;
  }

  #linkAround(index: number): Span | null {
    const at = (i: number): unknown => (i < 0 ? undefined : this.#quill.getFormat(i, 1)["link"]);
    const link = at(index - 1) ?? at(index);
    if (typeof link !== "string") return null;
    let start = at(index - 1) === link ? index - 1 : index;
    let end = start + 1;
    while (at(start - 1) === link) start--;
    while (end < this.#quill.getLength() - 1 && at(end) === link) end++;
    return { index: start, length: end - start };
  }
}
