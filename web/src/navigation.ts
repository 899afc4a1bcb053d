// Going to another page of the app.

export interface Page {
  readonly element: HTMLElement;
  /** For the window, until the page sets another one. */
  readonly title: string;
  /** Called when the page is in the document. */
  entered?(): void;
  /** Called when another page takes its place. */
  leave?(): void;
}

let changed: () => void = () => undefined;

/** Sets what is called when the address has changed. */
export function onNavigate(listener: () => void): void {
  changed = listener;
}

/** Goes to an address of the app; `state` stays with the entry in the browser's history. */
export function navigate(path: string, state: unknown = null): void {
  history.pushState(state, "", path);
  scrollTo(0, 0);
  changed();
}

addEventListener("popstate", () => changed());

// Links to pages of the app are followed without loading it again, unless the browser is asked for something else.
addEventListener("click", (event) => {
  const link = (event.target as Element).closest?.("a");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.origin !== location.origin || link.closest(".ql-editor")) return;
  if (link.pathname !== "/" && !link.pathname.startsWith("/d/")) return;
  event.preventDefault();
  navigate(link.pathname);
});
