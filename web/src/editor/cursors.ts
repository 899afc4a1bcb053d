// The others' carets and selections in the text. Positions come from the document, which moves them over every edit.
import type { PresenceEntry } from "@cloudsync/client";
import type Quill from "quill/core";
import type { QuillCursors } from "./quill.js";
import { safeColor, safeName } from "../identity.js";

// How long a name stays beside a caret that has moved.
const nameShownMs = 2500;

export class Cursors {
  readonly #quill: Quill;
  readonly #cursors: QuillCursors;
  // What is drawn, by client id: looks that change need a new cursor, a place that changes moves it and shows the name.
  readonly #drawn = new Map<string, { looks: string; place: string; hideName?: number }>();

  constructor(quill: Quill) {
    this.#quill = quill;
    this.#cursors = quill.getModule("cursors") as QuillCursors;
  }

  /** Draws everybody who has a selection, and nobody else. */
  draw(entries: readonly PresenceEntry[]): void {
    const here = new Set<string>();
    for (const { clientId, user, selection } of entries) {
      if (!selection) continue;
      here.add(clientId);
      const name = safeName(user.name);
      const color = safeColor(user.color);
      const looks = `${color} ${name}`;
      let drawn = this.#drawn.get(clientId);
      if (drawn && drawn.looks !== looks) {
        this.#remove(clientId);
        drawn = undefined;
      }
      if (!drawn) {
        drawn = { looks, place: "" };
        this.#drawn.set(clientId, drawn);
      }
      // createCursor returns the one that is there already.
      const cursor = this.#cursors.createCursor(clientId, name, color);
      const { anchor, focus } = selection;
      // The caret is drawn where a range ends, so one that was selected backwards has a negative length.
      this.#cursors.moveCursor(clientId, { index: anchor, length: focus - anchor });
      if (focus < anchor) cursor.setSelectionRange(this.#range(focus, anchor));

      const place = `${anchor} ${focus}`;
      if (drawn.place === place) continue;
      drawn.place = place;
      this.#cursors.toggleFlag(clientId, true);
      window.clearTimeout(drawn.hideName);
      drawn.hideName = window.setTimeout(() => this.#cursors.toggleFlag(clientId, false), nameShownMs);
    }
    for (const clientId of [...this.#drawn.keys()]) if (!here.has(clientId)) this.#remove(clientId);
  }

  #remove(clientId: string): void {
    window.clearTimeout(this.#drawn.get(clientId)?.hideName);
    this.#drawn.delete(clientId);
    this.#cursors.removeCursor(clientId);
  }

  #range(from: number, to: number): Range | null {
    const end = this.#quill.getLength() - 1;
    const [first, firstOffset] = this.#quill.getLeaf(Math.min(from, end));
    const [last, lastOffset] = this.#quill.getLeaf(Math.min(to, end));
    if (!first || !last) return null;
    const range = document.createRange();
    if (first.domNode instanceof Text) range.setStart(first.domNode, Math.min(firstOffset, first.domNode.length));
    else range.setStartBefore(first.domNode);
    if (last.domNode instanceof Text) range.setEnd(last.domNode, Math.min(lastOffset, last.domNode.length));
    else range.setEndAfter(last.domNode);
    return range.collapsed ? null : range;
  }
}

/** Where the user's own selection is; null: not in the text. */
export function ownSelection(quill: Quill): { anchor: number; focus: number } | null {
  const range = quill.getSelection();
  if (!range) return null;
  const { index, length } = range;
  const native = document.getSelection();
  const backward = length > 0 && native?.anchorNode && native.focusNode && (
    native.anchorNode === native.focusNode
      ? native.focusOffset < native.anchorOffset
      : (native.anchorNode.compareDocumentPosition(native.focusNode) & Node.DOCUMENT_POSITION_PRECEDING) !== 0
  );
  return backward ? { anchor: index + length, focus: index } : { anchor: index, focus: index + length };
}
