// One document: its title, who is here, how the connection is, and below the bar what its type is shown in.
import type { CollaborativeDocument, RefusedError } from "@cloudsync/client";
import { h } from "../dom.js";
import type { Quill } from "../editor/quill.js";
import { textView } from "../editor/view.js";
import { icon } from "../icons.js";
import type { Page } from "../navigation.js";
import { brand } from "../parts/brand.js";
import { introduction, me } from "../parts/me.js";
import { People } from "../parts/people.js";
import { Status } from "../parts/status.js";
import { Title } from "../parts/title.js";
import { connection } from "../sync.js";
import { missingPage, notice } from "./missing.js";
import type { Places, View } from "./view.js";

// A document of any type.
type Shared = CollaborativeDocument<any, any>;

declare global {
  interface Window {
    /** What is open, for the browser's console and the browser tests. */
    cloudsync?: { quill?: Quill; document: Shared };
  }
}

/** @param fresh The document was made a moment ago: its title is what one wants to type first. */
export function documentPage(id: string, fresh: boolean): Page {
  const own = me();
  const status = new Status();
  let shared: Shared;
  let off: (() => void)[] = [];
  let view: View | undefined;
  let triedJson = false;
  let left = false;

  const title = new Title(id, () => view?.focus());
  const people = new People();
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

  // The type is known when the document is there. Most are text, for which nothing more has to be loaded.
  function open<D extends Shared>(document: D, show: (document: D, places: Places) => View): void {
    for (const each of off) each();
    shared = document;
    off = [document.on("state", showState)];
    showState();
    document.ready.then(
      () => { if (!left) start(show(document, { tools, sheet })); },
      (error: RefusedError) => { if (!left) fail(error); },
    );
  }

  async function openJson(): Promise<void> {
    try {
      const { json, jsonView } = await import("../json/view.js");
      if (!left) open(connection().open(id, json), jsonView);
    } catch {
      if (!left) cannotOpen("What shows documents of this kind couldn’t be loaded. Is the connection gone?");
    }
  }

  function start(shown: View): void {
    view = shown;
    const goTo = shown.goTo?.bind(shown);
    const present = (): void => {
      people.show(shared.presence, goTo);
      shown.present(shared.presence);
    };
    title.show(shared.title);
    present();
    off.push(
      shared.on("presence", present),
      shared.on("renamed", (now) => title.show(now)),
    );
    if (shown.caution) say(shown.caution);
    showState();
    if (fresh) title.select();
    else if (shown.writable && shared.state.kind !== "refused") shown.focus();
  }

  function say(text: string, ...actions: HTMLElement[]): void {
    banner.replaceChildren(h("span", {}, text), ...actions);
    banner.hidden = false;
  }

  function fail(error: RefusedError): void {
    if (isOther(error) && !triedJson) {
      triedJson = true;
      void openJson();
    } else if (error.code === "DOCUMENT_NOT_FOUND" || error.code === "DELETED" || error.code === "INVALID_DOCUMENT_ID") {
      const missing = missingPage("document");
      element.replaceChildren(missing.element);
      document.title = missing.title;
    } else {
      cannotOpen(isOther(error) ? "It is of a type that this version of the app doesn’t know." : error.message);
    }
  }

  function cannotOpen(why: string): void {
    const again = h("button", { type: "button", class: "plain", click: () => location.reload() }, "Try again");
    element.replaceChildren(notice("This document can’t be opened", why, again));
  }

  function showState(): void {
    const state = shared.state;
    // It is opened again at once, as what it is.
    if (isOther(state.reason)) return;
    status.show(state);
    if (!view) return;
    const over = state.kind === "refused";
    view.enable(!over);
    tools.hidden = over;
    banner.hidden = !over && view.caution === undefined;
    if (!over) return;
    // What was written stays on the screen, to be copied.
    if (state.reason?.code === "DELETED" || state.reason?.code === "DOCUMENT_NOT_FOUND") {
      say("This document was deleted. What you see is how you last had it.");
    } else {
      say(`The server refuses this document: ${state.reason?.message ?? "it gave no reason"}`,
        h("button", { type: "button", class: "small plain", click: () => connection().reconnect() }, icon("redo"), "Try again"));
    }
  }

  open(connection().open(id), textView);

  return {
    element,
    title: "CloudSync",
    leave() {
      left = true;
      for (const each of off) each();
      view?.leave();
      shared.close();
      own.leave();
    },
  };
}

function isOther(error: { readonly code?: string } | undefined): boolean {
  return error?.code === "UNSUPPORTED_TYPE";
}
