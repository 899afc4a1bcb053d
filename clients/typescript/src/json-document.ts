// A document of JSON as the application sees it: short words for the edits that are made most.
import type { Op } from "quill-delta";
import { CollaborativeDocument } from "./document.js";
import type { JsonOperation, TextEdit } from "./json-operation.js";
import { valueAt, type JsonPath, type JsonValue } from "./json-value.js";

/**
 * A document whose content is any JSON value, null to begin with. Parts of it that an edit doesn't touch stay the same
 * objects. Every edit below is submitted like an operation of its own.
 *
 * All of them throw a RangeError, and have changed nothing, if the path leads to nothing of the kind, or the value isn't
 * JSON.
 */
export class JsonDocument extends CollaborativeDocument<JsonOperation, JsonValue> {
  /** What is at a path; undefined if there is nothing. */
  get(path: JsonPath): JsonValue | undefined {
    return valueAt(this.content, path);
  }

  /** Sets a member of an object, an item of a list (the one behind the last: a new one), or, at [], everything. */
  set(path: JsonPath, value: JsonValue): void {
    const before = this.get(path);
    if (typeof path.at(-1) !== "number") this.submit([{ p: path, oi: value }]);
    else this.submit([before === undefined ? { p: path, li: value } : { p: path, ld: before, li: value }]);
  }

  /** Removes a member of an object or an item of a list. */
  remove(path: JsonPath): void {
    this.submit([typeof path.at(-1) === "number" ? { p: path, ld: null } : { p: path, od: null }]);
  }

  /** Inserts values into the list at a path, before the item `index`. */
  insertAt(path: JsonPath, index: number, ...values: readonly JsonValue[]): void {
    this.submit(values.map((value, offset) => ({ p: [...path, index + offset], li: value })));
  }

  /** Removes items of the list at a path. */
  removeAt(path: JsonPath, index: number, count = 1): void {
    this.submit(Array.from({ length: count }, () => ({ p: [...path, index], ld: null })));
  }

  /** Moves an item of the list at a path; it stands at `to` then. */
  move(path: JsonPath, from: number, to: number): void {
    this.submit([{ p: [...path, from], lm: to }]);
  }

  /** Adds to a number. Several who add at once all count. */
  add(path: JsonPath, amount: number): void {
    this.submit([{ p: path, na: amount }]);
  }

  /** Replaces `remove` code units of the text at a path, from `at` on, by `insert`. */
  editText(path: JsonPath, { at, remove = 0, insert = "" }: { at: number; remove?: number; insert?: string }): void {
    const text = this.get(path);
    if (typeof text === "string" && at + remove > text.length)
      throw new RangeError(`The edit reaches to ${at + remove}; the text is ${text.length} code units long.`);
    const o: TextEdit[] = [];
    if (remove > 0 && typeof text === "string") o.push({ p: at, d: text.slice(at, at + remove) });
    if (insert !== "") o.push({ p: at, i: insert });
    this.submit([{ p: path, t: "text0", o }]);
  }

  /** Edits the rich text at a path, a value {"ops":[…]}. */
  editRichText(path: JsonPath, delta: { readonly ops: readonly Op[] }): void {
    this.submit([{ p: path, t: "rich-text", o: delta.ops }]);
  }
}
