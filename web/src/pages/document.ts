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
import { connection, leaveDocument, openDocument } from "../sync.js";
import { missingPage, notice } from "./missing.js";

declare global {
  interface Window {
    /** What is open, for the browser's console and the browser tests. */
    cloudsync?: { quill: Quill; document: CollaborativeDocument };
  }
}

/** @param fresh The document was made a moment ago: its title is what one wants to type first. */
export function documentPage(id: string, fresh: boolean): Page {
  const shared = openDocument(id);
  const own = me();
  const status = new Status();
  const undo: (() => void)[] = [() => own.leave(), () => leaveDocument(shared)];
  let quill: Quill | undefined;

  const title = new Title(id, () => quill?.focus(), () => shared.setPresenceState({ renamedAt: Date.now() }));
  const people = new People((entry) => goTo(entry));
  const tools = h("div", { class: "tools" });
  const sheet = h("article", { class: "sheet" }, h("div", { class: "skeleton text", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i")));
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

    const renames = new Map<string, unknown>();
    const present = (entries: readonly PresenceEntry[]): void => {
      people.show(entries);
      drawCursors();
      for (const { clientId, state } of entries) {
        const renamedAt = (state as { renamedAt?: unknown } | null | undefined)?.renamedAt;
        if (renamedAt !== undefined && renames.get(clientId) !== renamedAt) void title.refresh();
        renames.set(clientId, renamedAt);
      }
    };
    present(shared.presence);
    const seen = (): void => { if (document.visibilityState === "visible") void title.refresh(); };
    document.addEventListener("visibilitychange", seen);

    undo.push(
      () => cancelAnimationFrame(frame),
      () => document.removeEventListener("selectionchange", selected),
      () => document.removeEventListener("visibilitychange", seen),
      () => binding.release(),
      () => { delete window.cloudsync; },
      shared.on("presence", present),
      shared.on("refused", (_operation, error) => {
        binding.show();
        toast(`An edit was refused and taken back: ${error.message}`);
      }),
    );

    if (!binding.sound) {
      say("This document holds something that this editor can’t show. You can read it, but not write here.");
    } else if (shared.state.kind !== "refused" && shared.state.kind !== "closed") {
      editor.enable();
      if (fresh) title.select();
      else editor.focus();
    }
  }

  function goTo({ selection }: PresenceEntry): void {
    if (!quill || !selection) return;
    const bounds = quill.getBounds(Math.min(selection.focus, quill.getLength() - 1));
    if (!bounds) return;
    const top = quill.container.getBoundingClientRect().top + bounds.top + scrollY;
    scrollTo({ top: Math.max(0, top - innerHeight / 3), behavior: "smooth" });
  }

  function say(text: string, ...actions: HTMLElement[]): void {
    banner.replaceChildren(h("span", {}, text), ...actions);
    banner.hidden = false;
  }

  function fail(error: RefusedError): void {
    if (error.code === "DOCUMENT_NOT_FOUND" || error.code === "INVALID_DOCUMENT_ID") {
      const missing = missingPage("document");
      element.replaceChildren(missing.element);
      document.title = missing.title;
    } else {
      const again = h("button", { type: "button", class: "plain", click: () => location.reload() }, "Try again");
      element.replaceChildren(notice("This document can’t be opened", error.message, again));
    }
  }

  let wasLive = false;
  function showState(): void {
    const state = shared.state;
    status.show(state);
    if (state.kind === "live" && !wasLive && quill) void title.refresh();
    wasLive = state.kind === "live";
    const over = state.kind === "closed" || state.kind === "refused";
    if (!over || !quill) return;
    quill.disable();
    tools.hidden = true;
    // What was written stays on the screen, to be copied.
    if (state.kind === "closed" || state.reason?.code === "DOCUMENT_NOT_FOUND") {
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
