// The row of buttons above the text. Quill's toolbar module presses and releases them; this file draws them and moves
// the focus among them with the arrow keys, so that the row is one stop for the Tab key.
import type { UndoState } from "@cloudsync/client";
import { h } from "../dom.js";
import { icon, type IconName } from "../icons.js";

interface Button {
  readonly format: string;
  readonly value?: string;
  readonly icon: IconName;
  readonly label: string;
  readonly keys?: string;
}

const mac = /Mac|iP(hone|ad|od)/.test(navigator.userAgent);
const mod = mac ? "⌘" : "Ctrl+";
const shift = mac ? "⇧" : "Shift+";

const history: Button[] = [
  { format: "undo", icon: "undo", label: "Undo", keys: `${mod}Z` },
  { format: "redo", icon: "redo", label: "Redo", keys: mac ? "⇧⌘Z" : "Ctrl+Shift+Z" },
];
const formatting: Button[][] = [
  [
    { format: "header", value: "1", icon: "heading1", label: "Heading 1" },
    { format: "header", value: "2", icon: "heading2", label: "Heading 2" },
    { format: "header", value: "3", icon: "heading3", label: "Heading 3" },
  ],
  [
    { format: "bold", icon: "bold", label: "Bold", keys: `${mod}B` },
    { format: "italic", icon: "italic", label: "Italic", keys: `${mod}I` },
    { format: "underline", icon: "underline", label: "Underline", keys: `${mod}U` },
    { format: "strike", icon: "strike", label: "Strike through", keys: `${mac ? "⇧⌘" : mod + shift}X` },
  ],
  [
    { format: "list", value: "bullet", icon: "bullets", label: "Bulleted list" },
    { format: "list", value: "ordered", icon: "numbers", label: "Numbered list" },
    { format: "list", value: "check", icon: "checks", label: "Checklist" },
  ],
  [
    { format: "blockquote", icon: "quote", label: "Quote" },
    { format: "code-block", icon: "code", label: "Code block" },
    { format: "link", icon: "link", label: "Link", keys: `${mod}K` },
  ],
  [{ format: "clean", icon: "clear", label: "Clear formatting" }],
];

export function createToolbar(plain: boolean): HTMLElement {
  const groups = plain ? [history] : [history, ...formatting];
  const toolbar = h(
    "div",
    { class: "toolbar", role: "toolbar", "aria-label": "Formatting", keydown: (event: KeyboardEvent) => move(event) },
    ...groups.map((group) => h("div", { class: "toolbar-group", role: "group" }, ...group.map(button))),
  );
  const buttons = [...toolbar.querySelectorAll("button")];
  buttons.forEach((each, index) => (each.tabIndex = index === 0 ? 0 : -1));

  function move(event: KeyboardEvent): void {
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: buttons.length - 1 - at }[event.key];
    if (step === undefined || at < 0) return;
    event.preventDefault();
    const next = buttons[(at + step + buttons.length) % buttons.length]!;
    buttons.forEach((each) => (each.tabIndex = each === next ? 0 : -1));
    next.focus();
  }

  return toolbar;
}

/** Shows whether there is something to undo and to redo. The buttons can be reached either way: they keep the row's order. */
export function showUndo(toolbar: HTMLElement, { canUndo, canRedo }: UndoState): void {
  for (const [format, can] of [["undo", canUndo], ["redo", canRedo]] as const)
    toolbar.querySelector(`.ql-${format}`)?.setAttribute("aria-disabled", String(!can));
}

function button({ format, value, icon: name, label, keys }: Button): HTMLElement {
  return h(
    "button",
    {
      type: "button",
      // The class by which Quill's toolbar module knows it.
      class: `ql-${format}`,
      value,
      title: keys ? `${label} (${keys})` : label,
      "aria-label": label,
      // A click must not take the caret out of the text.
      mousedown: (event: MouseEvent) => event.preventDefault(),
    },
    icon(name),
  );
}
