// How the connection is, in a few words.
import type { DocumentState } from "@cloudsync/client";
import { h } from "../dom.js";
import { Patience } from "./patience.js";

export class Status {
  readonly #text = h("span");
  readonly #count = h("span", { class: "unsaved" });
  readonly element = h("div", { class: "status", role: "status" }, h("i", { "aria-hidden": "true" }), this.#text, this.#count);
  readonly #patience = new Patience((state) => this.#tell(state));

  show(state: DocumentState): void {
    this.#patience.show(state);
  }

  #tell(state: DocumentState): void {
    this.element.dataset["kind"] = state.kind;
    this.#text.textContent = words(state);
    const waits = state.unsaved > 0 && (state.kind === "offline" || state.kind === "connecting");
    this.#count.textContent = waits ? edits(state.unsaved) : "";
    this.element.title = explanation(state);
  }
}

function words({ kind, reason }: DocumentState): string {
  switch (kind) {
    case "connecting":
      return "Connecting…";
    case "live":
      return "Live";
    case "offline":
      return "Offline";
    case "refused":
      return `Refused: ${reason?.message ?? "the server gave no reason"}`;
    case "closed":
      return "Closed";
  }
}

function edits(count: number): string {
  return count === 1 ? "1 unsaved edit" : `${count} unsaved edits`;
}

function explanation({ kind, unsaved }: DocumentState): string {
  switch (kind) {
    case "live":
      return unsaved > 0 ? "Saving…" : "Every edit is saved";
    case "offline":
      return "You can go on writing. Edits are sent when the connection is back, as long as this window stays open.";
    default:
      return "";
  }
}
