// The text of a document in its editor, with the toolbar and the others' carets.
import type { CollaborativeDocument, PresenceEntry } from "@cloudsync/client";
import { h } from "../dom.js";
import type { Places, View } from "../pages/view.js";
import { toast } from "../parts/toast.js";
import { Binding } from "./binding.js";
import { Cursors, ownSelection } from "./cursors.js";
import { LinkCard } from "./link.js";
import { createEditor } from "./quill.js";
import { createToolbar, showUndo } from "./toolbar.js";

/** Shows a document of rich or plain text that is ready. */
export function textView(shared: CollaborativeDocument, { tools, sheet }: Places): View {
  const plain = shared.type === "text";
  const toolbar = createToolbar(plain);
  const container = h("div", { class: "editor" });
  tools.replaceChildren(toolbar);
  sheet.replaceChildren(container);

  const editor = createEditor(container, {
    plain,
    toolbar,
    handlers: {
      undo: () => shared.undo(),
      redo: () => shared.redo(),
      link() { link?.open(); },
    },
    openLink: () => link?.open(),
    undo: { undo: () => shared.undo(), redo: () => shared.redo(), endStep: () => shared.endUndoStep() },
  });
  editor.root.setAttribute("role", "textbox");
  editor.root.setAttribute("aria-multiline", "true");
  editor.root.setAttribute("aria-label", "Text");
  const link = plain ? undefined : new LinkCard(editor);
  if (link) container.append(link.element);
  window.cloudsync = { quill: editor, document: shared };

  const cursors = new Cursors(editor);
  // Drawn once for each frame, however many edits it holds; carets are measured, which is what costs.
  let frame = 0;
  const drawCursors = (): void => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      cursors.draw(shared.presence);
    });
  };
  const showSelection = (): void => {
    const selection = ownSelection(editor);
    // Without the focus, the caret stays where it was: that is still where its owner is.
    if (selection) shared.setSelection(selection);
  };
  const binding = new Binding(editor, shared, drawCursors);
  binding.show();
  // Over edits the document moves the selection itself: what was selected before one is what an undo selects again.
  editor.on("selection-change", (_now: unknown, _before: unknown, source: string) => {
    if (source !== "api") showSelection();
  });
  // After an edit; and which end of a selection the caret is at can change when Quill sees nothing new.
  const selected = (): void => { if (editor.hasFocus()) showSelection(); };
  document.addEventListener("selectionchange", selected);
  // The paper around the text: a click there is meant for the text.
  const writeAtEnd = (event: MouseEvent): void => {
    if (event.target !== sheet || !editor.isEnabled()) return;
    event.preventDefault();
    editor.setSelection(editor.getLength(), 0, "user");
  };
  sheet.addEventListener("mousedown", writeAtEnd);
  showUndo(toolbar, shared);
  // Where carets are depends on the letters' widths.
  document.fonts.addEventListener("loadingdone", drawCursors);

  const undo = [
    () => cancelAnimationFrame(frame),
    () => document.removeEventListener("selectionchange", selected),
    () => document.fonts.removeEventListener("loadingdone", drawCursors),
    () => sheet.removeEventListener("mousedown", writeAtEnd),
    () => binding.release(),
    () => { delete window.cloudsync; },
    shared.on("undo", (state) => showUndo(toolbar, state)),
    // The document takes the edit back by itself, with a change or a reset.
    shared.on("refused", (_operation, error) => toast(`An edit was refused and taken back: ${error.message}`)),
  ];

  return {
    writable: binding.sound,
    caution: binding.sound ? undefined : "This document holds something that this editor can’t show. You can read it, but not write here.",
    focus: () => editor.focus(),
    present: drawCursors,
    goTo({ selection }: PresenceEntry) {
      if (!selection) return;
      const bounds = editor.getBounds(Math.min(selection.focus, editor.getLength() - 1));
      if (!bounds) return;
      const top = editor.container.getBoundingClientRect().top + bounds.top + scrollY;
      scrollTo({ top: Math.max(0, top - innerHeight / 3), behavior: "smooth" });
    },
    enable: (enabled) => editor.enable(enabled && binding.sound),
    leave() {
      for (const each of undo.reverse()) each();
    },
  };
}
