// Round badges of people.
import type { PresenceEntry } from "@cloudsync/client";
import { h } from "../dom.js";
import { initials, safeColor, safeName } from "../identity.js";

// More would crowd the bar.
const shownMax = 4;

export function badge(name: string, color: string): HTMLElement {
  const element = h("span", { class: "badge", "aria-hidden": "true" }, initials(safeName(name)));
  element.style.setProperty("--person", safeColor(color));
  return element;
}

/** Everybody else who is in the document; a click on one goes to where they are. */
export class People {
  readonly element = h("ul", { class: "people", "aria-label": "Also here" });

  constructor(private readonly goTo: (entry: PresenceEntry) => void) {}

  show(entries: readonly PresenceEntry[]): void {
    const rest = entries.slice(shownMax);
    this.element.replaceChildren(
      ...entries.slice(0, shownMax).map((entry) =>
        h("li", {}, h("button", {
          type: "button", class: "person", title: safeName(entry.user.name), "aria-label": safeName(entry.user.name),
          click: () => this.goTo(entry),
        }, badge(entry.user.name, entry.user.color))),
      ),
      ...(rest.length === 0 ? [] : [
        h("li", {}, h("span", {
          class: "badge more", title: rest.map(({ user }) => safeName(user.name)).join(", "),
        }, `+${rest.length}`)),
      ]),
    );
  }
}
