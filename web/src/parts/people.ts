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

/** Everybody else who is in the document; where they can be somewhere in it, a click on one goes there. */
export class People {
  readonly element = h("ul", { class: "people", "aria-label": "Also here" });

  show(entries: readonly PresenceEntry[], goTo?: (entry: PresenceEntry) => void): void {
    const rest = entries.slice(shownMax);
    this.element.replaceChildren(
      ...entries.slice(0, shownMax).map((entry) => h("li", {}, person(entry, goTo))),
      ...(rest.length === 0 ? [] : [
        h("li", {}, h("span", {
          class: "badge more", title: rest.map(({ user }) => safeName(user.name)).join(", "),
        }, `+${rest.length}`)),
      ]),
    );
  }
}

function person(entry: PresenceEntry, goTo: ((entry: PresenceEntry) => void) | undefined): HTMLElement {
  const name = safeName(entry.user.name);
  const shown = badge(entry.user.name, entry.user.color);
  return goTo
    ? h("button", { type: "button", class: "person", title: name, "aria-label": name, click: () => goTo(entry) }, shown)
    : h("span", { class: "person", role: "img", title: name, "aria-label": name }, shown);
}
