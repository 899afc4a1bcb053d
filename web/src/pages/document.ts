// One document: its title, who is here, and the text.
import type { CollaborativeDocument, PresenceEntry, RefusedError } from "@cloudsync/client";
import { h } from "../dom.js";
import { Binding } from "../editor/binding.js";
import { Cursors, ownSelection } from "../editor/cursors.js";
import { LinkCard } from "../editor/link.js";
import { createEditor, type Quill } from "../editor/quill.js";
import { createToolbar } from "../editor/toolbar.js";
import { icon } from "../icons.js";
import type { Page } from "../navigation.js";
import { brand } from "../parts/brand.js";
import { introduction, me } from "../parts/me.js";
import { People } from "../parts/people.js";
import { Status } from "../parts/status.js";
import { Title } from "../parts/title.js";
import { toast } from "../parts/toast.js";
import { connection } from "../sync.js";
import { missingPage, notice } from "./missing.js";

declare global {
  interface Window {
    /** What is open, for the browser's console and the browser tests. */
    cloudsync?: { quill: Quill; document: CollaborativeDocument };
  }
}

/** @param fresh The document was made a moment ago: its title is what one wants to type first. */
export function documentPage(id: string, fresh: boolean): Page {
  const shared = connection().open(id);
  const own = me();
  const status = new Status();
  const undo: (() => void)[] = [() => own.leave(), () => shared.close()];
  let quill: Quill | undefined;
  let writable = false;

  const title = new Title(id, () => quill?.focus());
  const people = new People((entry) => goTo(entry));
  const tools = h("div", { class: "tools" });
  const sheet = h("article", { class: "sheet", mousedown: (event: MouseEvent) => writeAtEnd(event) }, h("div", { class: "skeleton text", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i")));
  const banner = h("div", { class: "banner", role: "alert", hidden: true });
  const element = h(
    "div",
    { class: "document-page-view" },
    h("header", { class: "bar" },
      brand(false), title.element, status.element, h("div", { class: "bar-end" }, people.element, own.element)),
    tools,
    h("main", {}, banner, sheet),
  );
  const hint = introduction(() => own.open());
  if (hint) element.append(hint);

  function start(): void {
    title.show(shared.title);
    const plain = shared.type === "text";
    const toolbar = createToolbar(plain);
    const container = h("div", { class: "editor" });
    tools.replaceChildren(toolbar);
    sheet.replaceChildren(container);

    const editor = createEditor(container, {
      plain,
      toolbar,
      handlers: {
        undo() { this.quill.history.undo(); },
        redo() { this.quill.history.redo(); },
        link() { link?.open(); },
      },
      openLink: () => link?.open(),
    });
    quill = editor;
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
    editor.on("editor-change", (_name: string, _now: unknown, _before: unknown, source: string) => {
      if (source !== "api") showSelection();
    });
    // Which end of a selection the caret is at can change when Quill sees nothing new.
    const selected = (): void => { if (editor.hasFocus()) showSelection(); };
    document.addEventListener("selectionchange", selected);

    const present = (entries: readonly PresenceEntry[]): void => {
      people.show(entries);
      drawCursors();
    };
    present(shared.presence);
    // Where carets are depends on the letters' widths.
    document.fonts.addEventListener("loadingdone", drawCursors);

    undo.push(
      () => cancelAnimationFrame(frame),
      () => document.removeEventListener("selectionchange", selected),
      () => document.fonts.removeEventListener("loadingdone", drawCursors),
      () => binding.release(),
      () => { delete window.cloudsync; },
      shared.on("presence", present),
      shared.on("renamed", (now) => title.show(now)),
      // The document takes the edit back by itself, with a change or a reset.
      shared.on("refused", (_operation, error) => toast(`An edit was refused and taken back: ${error.message}`)),
    );

    writable = binding.sound;
    if (!writable) say("This document holds something that this editor can’t show. You can read it, but not write here.");
    showState();
    if (fresh) title.select();
    else if (editor.isEnabled()) editor.focus();
  }

  function goTo({ selection }: PresenceEntry): void {
    if (!quill || !selection) return;
    const bounds = quill.getBounds(Math.min(selection.focus, quill.getLength() - 1));
    if (!bounds) return;
    const top = quill.container.getBoundingClientRect().top + bounds.top + scrollY;
    scrollTo({ top: Math.max(0, top - innerHeight / 3), behavior: "smooth" });
  }

  // The paper around the text: a click there is meant for the text.
  function writeAtEnd(event: MouseEvent): void {
    if (event.target !== sheet || !quill?.isEnabled()) return;
    event.preventDefault();
    quill.setSelection(quill.getLength(), 0, "user");
  }

  function say(text: string, ...actions: HTMLElement[]): void {
    banner.replaceChildren(h("span", {}, text), ...actions);
    banner.hidden = false;
  }

  function fail(error: RefusedError): void {
    if (error.code === "DOCUMENT_NOT_FOUND" || error.code === "DELETED" || error.code === "INVALID_DOCUMENT_ID") {
      const missing = missingPage("document");
      element.replaceChildren(missing.element);
      document.title = missing.title;
    } else {
      const again = h("button", { type: "button", class: "plain", click: () => location.reload() }, "Try again");
      element.replaceChildren(notice("This document can’t be opened", error.message, again));
    }
  }

  function showState(): void {
    const state = shared.state;
    status.show(state);
    if (!quill) return;
    const over = state.kind === "refused";
    quill.enable(!over && writable);
    tools.hidden = over;
    banner.hidden = !over && writable;
    if (!over) return;
    // What was written stays on the screen, to be copied.
    if (state.reason?.code === "DELETED" || state.reason?.code === "DOCUMENT_NOT_FOUND") {
      say("This document was deleted. What you see is how you last had it.");
    } else {
      say(`The server refuses this document: ${state.reason?.message ?? "it gave no reason"}`,
        h("button", { type: "button", class: "small plain", click: () => connection().reconnect() }, icon("redo"), "Try again"));
    }
  }

  undo.push(shared.on("state", showState));
  showState();
  let left = false;
  shared.ready.then(() => { if (!left) start(); }, (error: RefusedError) => { if (!left) fail(error); });

  return {
    element,
    title: "CloudSync",
    leave() {
      left = true;
      for (const each of undo.reverse()) each();
    },
  };
}
