// A JSON document, to be read: programs write it, and the page follows. Loaded when the first one is opened, with what the
// client needs for it.
import { json, type JsonDocument } from "@cloudsync/client/json";
import { h } from "../dom.js";
import { icon, type IconName } from "../icons.js";
import type { Places, View } from "../pages/view.js";
import { toast } from "../parts/toast.js";
import { Tree } from "./tree.js";
import "../styles/json.css";

export { json };

/** Shows a document that is ready. */
export function jsonView(shared: JsonDocument, { tools, sheet }: Places): View {
  const tree = new Tree(shared.content);
  tools.replaceChildren(h("div", { class: "toolbar", role: "toolbar", "aria-label": "View" },
    h("span", { class: "json-kind", title: "Programs write JSON documents; here you can read along" }, "JSON · read only"),
    h("div", { class: "toolbar-group" },
      tool("unfold", "Unfold all", () => tree.unfold()),
      tool("fold", "Fold all", () => tree.fold()),
      // Only pages that were loaded safely may use the clipboard.
      navigator.clipboard && tool("copy", "Copy as text", () => void copy()))));
  sheet.classList.add("json-sheet");
  sheet.replaceChildren(tree.element);
  window.cloudsync = { document: shared };

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(JSON.stringify(shared.content, null, 2));
      toast("Copied");
    } catch {
      toast("The browser doesn’t allow copying here");
    }
  }

  // Drawn once for each frame, however many edits it holds.
  let frame = 0;
  let shares = true;
  const draw = (): void => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      tree.show(shared.content, shares);
      shares = true;
    });
  };
  const off = [
    shared.on("change", draw),
    shared.on("reset", () => {
      shares = false;
      draw();
    }),
  ];

  return {
    writable: false,
    focus: () => tree.focus(),
    present: () => undefined,
    enable: () => undefined,
    leave() {
      for (const each of off) each();
      cancelAnimationFrame(frame);
      tree.release();
      delete window.cloudsync;
    },
  };
}

function tool(name: IconName, label: string, click: () => void): HTMLElement {
  return h("button", { type: "button", title: label, "aria-label": label, click }, icon(name));
}
