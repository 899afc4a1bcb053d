// The app: which page the address names, and going from one to another without loading everything again.
import "@fontsource-variable/inter";
import "@fontsource-variable/source-serif-4";
import "@fontsource-variable/source-serif-4/wght-italic.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/list.css";
import "./styles/document.css";
import "./styles/editor.css";
import { documentPage } from "./pages/document.js";
import { listPage } from "./pages/list.js";
import { missingPage } from "./pages/missing.js";
import { onNavigate, type Page } from "./navigation.js";

const app = document.getElementById("app")!;
let shown: Page | undefined;

function pageFor(path: string): Page {
  if (path === "/") return listPage();
  const [, id] = /^\/d\/([^/]+)\/?$/.exec(path) ?? [];
  if (id === undefined) return missingPage("page");
  try {
    return documentPage(decodeURIComponent(id), (history.state as { fresh?: boolean } | null)?.fresh === true);
  } catch (error) {
    if (error instanceof URIError) return missingPage("document");
    throw error;
  }
}

function show(): void {
  shown?.leave?.();
  shown = pageFor(location.pathname);
  app.replaceChildren(shown.element);
  document.title = shown.title;
  shown.entered?.();
}

onNavigate(show);
show();
