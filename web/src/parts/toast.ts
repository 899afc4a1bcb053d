// A line at the foot of the window that says what went wrong, and goes by itself.
import { h } from "../dom.js";

const shownMs = 6000;
let box: HTMLElement | undefined;

export function toast(text: string): void {
  box ??= h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  if (!box.isConnected) document.body.append(box);
  const line = h("div", { class: "toast" }, text);
  box.replaceChildren(line);
  setTimeout(() => line.remove(), shownMs);
}

/** Shows what an error says. */
export function toastError(error: unknown): void {
  toast(error instanceof Error ? error.message : String(error));
}
