// All documents, the most recently changed first.
import { Delta } from "@cloudsync/client";
import { createDocument, deleteDocument, listDocuments, renameDocument, type DocumentRecord } from "../api.js";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { navigate, type Page } from "../navigation.js";
import { brand } from "../parts/brand.js";
import { askText, confirm } from "../parts/dialog.js";
import { me } from "../parts/me.js";
import { untitled } from "../parts/title.js";
import { toastError } from "../parts/toast.js";
import { ago, exactly, period } from "../time.js";

const pageSize = 50;
const pageSizeMax = 200;
const titleLengthMax = 200;
// How often "3 minutes ago" is said anew.
const clockMs = 30_000;
// What is said of documents that are not the usual ones.
const kinds: Record<string, string | undefined> = { text: "Plain text", json: "JSON" };

export function listPage(): Page {
  const own = me();
  let documents: DocumentRecord[] = [];
  let next: string | null = null;
  let state: "loading" | "loaded" | "failed" = "loading";
  let left = false;

  const search = h("input", {
    type: "search", placeholder: "Search", "aria-label": "Search documents", autocomplete: "off", input: () => draw(),
  });
  const list = h("div", { class: "documents" });
  const create = h("button", { type: "button", class: "primary", click: () => void add(create) }, icon("plus"), "New document");
  const more = h("button", { type: "button", class: "plain load-more", click: () => void loadMore() }, "Load more");

  const element = h(
    "div",
    { class: "list-page" },
    h("header", { class: "bar" }, brand(true), h("div", { class: "bar-end" }, own.element)),
    h("main", {},
      h("div", { class: "list-head" }, h("h1", {}, "Documents"), create),
      h("label", { class: "search" }, icon("search"), search),
      list,
      more,
    ),
  );

  async function add(button: HTMLButtonElement): Promise<void> {
    button.disabled = true;
    try {
      // With the newline that every Quill document ends with, so that nobody's first keystroke has to bring it.
      const { id } = await createDocument(untitled, new Delta().insert("\n"));
      navigate(`/d/${id}`, { fresh: true });
    } catch (error) {
      button.disabled = false;
      toastError(error);
    }
  }

  async function refresh(): Promise<void> {
    try {
      // As many as are shown, so that a list that was paged doesn't shrink under the reader.
      const page = await listDocuments(Math.min(pageSizeMax, Math.max(pageSize, documents.length)));
      const rest = documents.slice(pageSizeMax);
      documents = merge(page.documents, rest);
      if (rest.length === 0) next = page.next ?? null;
      state = "loaded";
    } catch (error) {
      if (state === "loading") state = "failed";
      else toastError(error);
    }
    if (!left) draw();
  }

  async function loadMore(): Promise<void> {
    more.disabled = true;
    try {
      const page = await listDocuments(pageSize, next);
      documents = merge(documents, page.documents);
      next = page.next ?? null;
    } catch (error) {
      toastError(error);
    }
    more.disabled = false;
    draw();
  }

  async function rename(record: DocumentRecord): Promise<void> {
    const title = await askText({
      title: "Rename document", label: "Title", value: record.title, lengthMax: titleLengthMax, action: "Rename",
    });
    if (title === null || title === record.title) return;
    try {
      const renamed = await renameDocument(record.id, title);
      documents = documents.map((each) => (each.id === record.id ? { ...each, title: renamed.title } : each));
      draw();
    } catch (error) {
      toastError(error);
    }
  }

  async function remove(record: DocumentRecord): Promise<void> {
    const sure = await confirm({
      title: `Delete “${record.title || untitled}”?`,
      text: "It is deleted for everybody, and nobody can bring it back.",
      action: "Delete", grave: true,
    });
    if (!sure) return;
    try {
      await deleteDocument(record.id);
      documents = documents.filter(({ id }) => id !== record.id);
      draw();
    } catch (error) {
      toastError(error);
    }
  }

  function row(record: DocumentRecord, now: Date): HTMLElement {
    const changed = new Date(record.changedAt);
    const title = record.title || untitled;
    return h(
      "li",
      { class: "document" },
      h("a", { href: `/d/${encodeURIComponent(record.id)}` },
        h("span", { class: "document-page" }, icon(record.type === "json" ? "braces" : "page")),
        h("span", { class: "document-text" },
          h("span", { class: "document-title" }, title),
          h("span", { class: "document-when" },
            kinds[record.type] ? `${kinds[record.type]} · changed ` : "Changed ",
            h("time", { datetime: record.changedAt, title: exactly(changed) }, ago(changed, now)),
          ),
        ),
      ),
      h("div", { class: "document-actions" },
        h("button", { type: "button", class: "quiet", title: "Rename", "aria-label": `Rename ${title}`, click: () => void rename(record) }, icon("pencil")),
        h("button", { type: "button", class: "quiet", title: "Delete", "aria-label": `Delete ${title}`, click: () => void remove(record) }, icon("bin")),
      ),
    );
  }

  function draw(): void {
    const wanted = search.value.trim().toLocaleLowerCase();
    const found = documents.filter(({ title }) => (title || untitled).toLocaleLowerCase().includes(wanted));
    const now = new Date();
    more.hidden = state !== "loaded" || next === null;
    search.closest("label")!.hidden = state !== "loaded" || documents.length === 0;
    list.setAttribute("aria-busy", String(state === "loading"));

    if (state === "loading") {
      list.replaceChildren(h("div", { class: "skeleton" }, h("i"), h("i"), h("i")));
    } else if (state === "failed") {
      list.replaceChildren(empty("The documents can’t be loaded", "The server can’t be reached just now.",
        h("button", { type: "button", class: "plain", click: () => { state = "loading"; draw(); void refresh(); } }, "Try again")));
    } else if (documents.length === 0) {
      const first: HTMLButtonElement = h("button", { type: "button", class: "primary", click: () => void add(first) }, "Write the first one");
      list.replaceChildren(empty("Nothing here yet", "A document is a page that many people can write on at once.", first));
    } else if (found.length === 0) {
      list.replaceChildren(empty(`No title contains “${search.value.trim()}”`,
        next === null ? "Try another word." : "Only the documents loaded so far were searched."));
    } else {
      const groups = Map.groupBy(found, ({ changedAt }) => period(new Date(changedAt), now));
      list.replaceChildren(...[...groups].map(([name, members]) =>
        h("section", {}, h("h2", {}, name), h("ul", {}, ...members.map((record) => row(record, now))))));
    }
  }

  const clock = setInterval(() => {
    const now = new Date();
    for (const time of list.querySelectorAll("time")) time.textContent = ago(new Date(time.dateTime), now);
  }, clockMs);
  const seen = (): void => { if (document.visibilityState === "visible") void refresh(); };
  document.addEventListener("visibilitychange", seen);
  draw();
  void refresh();

  return {
    element,
    title: "Documents · CloudSync",
    leave() {
      left = true;
      clearInterval(clock);
      document.removeEventListener("visibilitychange", seen);
      own.leave();
    },
  };
}

// Two stretches of the list. A document that changed in between can stand in both.
function merge(first: readonly DocumentRecord[], then: readonly DocumentRecord[]): DocumentRecord[] {
  const known = new Set(first.map(({ id }) => id));
  return [...first, ...then.filter(({ id }) => !known.has(id))];
}

function empty(title: string, text: string, action?: HTMLElement): HTMLElement {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text), action);
}
