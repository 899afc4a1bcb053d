// What is shown in place of a document or page that can't be.
import { h } from "../dom.js";
import type { Page } from "../navigation.js";
import { brand } from "../parts/brand.js";

const texts = {
  document: {
    title: "There is no such document",
    text: "It may have been deleted, or the address isn’t quite right.",
  },
  page: { title: "There is no such page", text: "The address isn’t quite right." },
};

/** The page for an address that leads nowhere. */
export function missingPage(what: keyof typeof texts): Page {
  const { title, text } = texts[what];
  return { element: notice(title, text), title: `${title} · CloudSync` };
}

/** A whole page that says one thing, with a way back. */
export function notice(title: string, text: string, ...actions: HTMLElement[]): HTMLElement {
  return h(
    "div",
    { class: "notice-page" },
    h("header", { class: "bar" }, brand(true)),
    h("main", { class: "notice" },
      h("div", { class: "notice-mark", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
      h("h1", {}, title),
      h("p", {}, text),
      h("div", { class: "notice-actions" }, ...actions, h("a", { class: "button primary", href: "/" }, "All documents")),
    ),
  );
}
