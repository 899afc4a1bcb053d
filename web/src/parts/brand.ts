// The mark, and the name beside it: the way back to the list.
import { h } from "../dom.js";

export function brand(withName: boolean): HTMLElement {
  return h(
    "a",
    { class: "brand", href: "/", "aria-label": withName ? "CloudSync, all documents" : "All documents", title: "All documents" },
    h("img", { src: "/icon.svg", alt: "", width: 28, height: 28 }),
    withName && h("span", {}, "CloudSync"),
  );
}
