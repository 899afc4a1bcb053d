// One's own badge in the corner: a click opens a card to change name and colour.
import { h } from "../dom.js";
import { colors, identity, nameLengthMax, onIdentity, setIdentity } from "../identity.js";
import { badge } from "./people.js";

export interface Me {
  readonly element: HTMLElement;
  open(): void;
  leave(): void;
}

export function me(): Me {
  const button = h("button", { type: "button", class: "me", "aria-haspopup": "dialog" });
  const name = h("input", {
    id: "me-name", type: "text", maxlength: nameLengthMax, autocomplete: "nickname", spellcheck: "false",
    input: () => { if (name.value.trim() !== "") setIdentity({ name: name.value }); },
    keydown: (event: KeyboardEvent) => { if (event.key === "Enter") card.hidePopover(); },
  });
  const swatches = colors.map((color) => {
    const swatch = h("input", {
      type: "radio", name: "me-color", value: color, "aria-label": color, change: () => setIdentity({ color }),
    });
    swatch.style.setProperty("--person", color);
    return swatch;
  });
  const card = h(
    "div",
    {
      class: "me-card", popover: "auto", role: "dialog", "aria-label": "You",
      toggle: (event: ToggleEvent) => {
        if (event.newState !== "open") return;
        name.value = identity().name;
        name.select();
      },
    },
    h("label", { for: "me-name" }, "Your name, as others see it"),
    name,
    h("div", { class: "swatches", role: "radiogroup", "aria-label": "Your colour" }, ...swatches),
  );
  button.popoverTargetElement = card;

  function draw(): void {
    const { name: own, color } = identity();
    button.replaceChildren(badge(own, color), h("span", { class: "me-name" }, own));
    button.setAttribute("aria-label", `You are ${own}. Change name and colour`);
    button.title = "Change your name and colour";
    for (const swatch of swatches) swatch.checked = swatch.value === color;
  }
  draw();

  return { element: h("div", { class: "me-box" }, button, card), open: () => card.showPopover(), leave: onIdentity(draw) };
}

/** Says once, to somebody who has not chosen a name, under which one others see them. */
export function introduction(change: () => void): HTMLElement | undefined {
  const { name, color, chosen } = identity();
  if (chosen) return undefined;
  const element = h(
    "aside",
    { class: "introduction", "aria-label": "Your name" },
    badge(name, color),
    h("p", {}, "Others see you as ", h("strong", {}, name), "."),
    h("button", { type: "button", class: "small plain", click: () => { setIdentity({}); element.remove(); change(); } }, "Change"),
    h("button", { type: "button", class: "small primary", click: () => { setIdentity({}); element.remove(); } }, "Fine"),
  );
  return element;
}
