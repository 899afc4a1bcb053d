// Operations on JSON: those of json0, checked against the content that they are made on.
import type { Op } from "quill-delta";
import {
  checkName,
  checkWellFormed,
  copyJson,
  isIndex,
  isObject,
  JSON_DEPTH_MAX,
  valueAt,
  type JsonPath,
  type JsonValue,
} from "./json-value.js";
import { canonical, measure } from "./operation-codec.js";

/** Inserts or deletes in a text at a position of it, in UTF-16 code units. */
export type TextEdit = { readonly p: number; readonly i: string } | { readonly p: number; readonly d: string };

/**
 * A component of a json0 operation: a path, and what is done there. What is deleted or replaced (`ld`, `od`) is looked
 * up in the content; what is given for it doesn't matter.
 */
export type JsonComponent =
  | { readonly p: JsonPath; readonly li: JsonValue; readonly ld?: JsonValue }
  | { readonly p: JsonPath; readonly ld: JsonValue }
  | { readonly p: JsonPath; readonly lm: number }
  | { readonly p: JsonPath; readonly oi: JsonValue; readonly od?: JsonValue }
  | { readonly p: JsonPath; readonly od: JsonValue }
  | { readonly p: JsonPath; readonly na: number }
  | { readonly p: JsonPath; readonly si: string }
  | { readonly p: JsonPath; readonly sd: string }
  | { readonly p: JsonPath; readonly t: "text0"; readonly o: readonly TextEdit[] }
  | { readonly p: JsonPath; readonly t: "rich-text"; readonly o: readonly Op[] | { readonly ops: readonly Op[] } };

/** Components, each made on what those before it have left. */
export type JsonOperation = readonly JsonComponent[];

/** An operation has at most so many. */
export const COMPONENTS_MAX = 10_000;

// The members of a component besides its path, and which of them belong together.
const ACTIONS: Record<string, string> = {
  li: "list", ld: "list", lm: "move", oi: "object", od: "object", na: "add", si: "insert", sd: "delete", t: "subtype", o: "subtype",
};

/**
 * A component as it is kept: a copy that tells the truth of what it deletes; none if it does nothing. Edits of a text
 * are written as `si` and `sd`, one each: json0 doesn't transform these over `text0` nor that over these, so everybody
 * has to write the same.
 * @throws {RangeError} It is none, or doesn't fit the content.
 */
export function fitComponent(component: JsonComponent, content: JsonValue): readonly JsonComponent[] {
  if (!isObject(component) || !Array.isArray(component["p"])) throw new RangeError("A component has a path, p, which is a list.");
  const given = component as Record<string, any>;
  const actions = new Set<string | undefined>();
  for (const name of Object.keys(given))
    if (name !== "p" && given[name] !== undefined) actions.add(Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined);
  const [action] = actions;
  if (actions.size !== 1 || action === undefined)
    throw new RangeError("A component does exactly one thing: li, ld, lm, oi, od, na, si, sd, or t with o.");
  const p = checkPath(given["p"]);
  if (action === "list") return [fitList(p, given, content)];
  if (action === "object") return [fitObject(p, given, content)];
  if (action === "move") return fitMove(p, given["lm"], content);
  if (action === "add") return fitAdd(p, given["na"], content);
  if (action === "insert") return fitText(p.slice(0, -1), [{ p: p.at(-1), i: given["si"] }], content);
  if (action === "delete") return fitText(p.slice(0, -1), [{ p: p.at(-1), d: given["sd"] }], content);
  if (given["t"] === "text0") return fitText(p, given["o"], content);
  if (given["t"] === "rich-text") return fitRichText(p, given["o"], content);
  throw new RangeError('A subtype, t, is "text0" or "rich-text".');
}

/** Where the value is that a component changes: of an edit of a text, the text. */
export function placeOf(component: JsonComponent): JsonPath {
  return "si" in component || "sd" in component ? component.p.slice(0, -1) : component.p;
}

function checkPath(path: readonly unknown[]): (string | number)[] {
  if (path.length > JSON_DEPTH_MAX + 1) throw new RangeError(`A path has at most ${JSON_DEPTH_MAX} steps.`);
  return path.map((step) => {
    if (typeof step === "string") checkName(step);
    else if (!isIndex(step)) throw new RangeError("A step of a path is a name or the index of an item.");
    return step;
  });
}

function show(path: JsonPath): string {
  return JSON.stringify(path);
}

function listOf(p: JsonPath, content: JsonValue): { list: readonly JsonValue[]; index: number } {
  const list = p.length === 0 ? undefined : valueAt(content, p.slice(0, -1));
  const index = p.at(-1);
  if (!Array.isArray(list) || typeof index !== "number") throw new RangeError(`At ${show(p)} there is no item of a list.`);
  return { list, index };
}

function fitList(p: JsonPath, given: Record<string, unknown>, content: JsonValue): JsonComponent {
  const { list, index } = listOf(p, content);
  const inserts = given["li"] !== undefined;
  const deletes = given["ld"] !== undefined;
  if (index >= list.length + (deletes ? 0 : 1)) throw new RangeError(`At ${show(p)} there is no item; the list has ${list.length}.`);
  const li = inserts ? copyJson(given["li"], p.length) : null;
  const ld = deletes ? copyJson(list[index], p.length) : null;
  return inserts ? (deletes ? { p, ld, li } : { p, li }) : { p, ld };
}

function fitMove(p: JsonPath, to: unknown, content: JsonValue): readonly JsonComponent[] {
  const { list, index } = listOf(p, content);
  if (!isIndex(to) || index >= list.length || to >= list.length)
    throw new RangeError(`At ${show(p)} an item can't be moved to ${String(to)}; the list has ${list.length}.`);
  return index === to ? [] : [{ p, lm: to }];
}

function fitObject(p: JsonPath, given: Record<string, unknown>, content: JsonValue): JsonComponent {
  const name = p.at(-1);
  if (name !== undefined && !(typeof name === "string" && isObject(valueAt(content, p.slice(0, -1)))))
    throw new RangeError(`At ${show(p)} there is no member of an object.`);
  const before = valueAt(content, p);
  const inserts = given["oi"] !== undefined;
  if (!inserts && (before === undefined || name === undefined)) throw new RangeError(`At ${show(p)} there is nothing to delete.`);
  const oi = inserts ? copyJson(given["oi"], p.length) : null;
  const od = before === undefined ? undefined : copyJson(before, p.length);
  return od === undefined ? { p, oi } : inserts ? { p, od, oi } : { p, od };
}

function fitAdd(p: JsonPath, amount: unknown, content: JsonValue): readonly JsonComponent[] {
  const before = valueAt(content, p);
  if (typeof before !== "number") throw new RangeError(`At ${show(p)} there is no number.`);
  if (typeof amount !== "number" || !Number.isFinite(before + amount)) throw new RangeError("A number can't become more than a double holds.");
  return amount === 0 ? [] : [{ p, na: amount }];
}

function fitText(p: JsonPath, edits: readonly unknown[], content: JsonValue): readonly JsonComponent[] {
  const before = valueAt(content, p);
  if (typeof before !== "string") throw new RangeError(`At ${show(p)} there is no text.`);
  if (!Array.isArray(edits) || edits.length > COMPONENTS_MAX) throw new RangeError(`Edits of a text are a list of at most ${COMPONENTS_MAX}.`);
  let text = before;
  const components: JsonComponent[] = [];
  for (const edit of edits as TextEdit[]) {
    text = applyEdit(text, edit);
    checkWellFormed(text);
    const at = [...p, edit.p];
    if ("i" in edit ? edit.i !== "" : edit.d !== "") components.push("i" in edit ? { p: at, si: edit.i } : { p: at, sd: edit.d });
  }
  return components;
}

function applyEdit(text: string, edit: TextEdit): string {
  if (!isObject(edit) || !isIndex(edit.p) || edit.p > text.length) throw new RangeError("A text is edited outside of it.");
  const [before, behind] = [text.slice(0, edit.p), text.slice(edit.p)];
  const { i: inserted, d: deleted } = edit as { i?: unknown; d?: unknown };
  if (typeof inserted === "string" && deleted === undefined) return before + inserted + behind;
  if (typeof deleted === "string" && inserted === undefined && behind.startsWith(deleted)) return before + behind.slice(deleted.length);
  throw new RangeError("An edit of a text inserts a text, i, or deletes the one that is there, d.");
}

function fitRichText(p: JsonPath, given: unknown, content: JsonValue): readonly JsonComponent[] {
  const before = valueAt(content, p);
  if (!isObject(before) || !Array.isArray(before["ops"])) throw new RangeError(`At ${show(p)} there is no rich text, {"ops":[…]}.`);
  const ops = isObject(given) ? given["ops"] : given;
  if (!Array.isArray(ops)) throw new RangeError("An edit of rich text is a delta.");
  const delta = canonical({ ops });
  const { insertsOnly, lengthChange: length } = measure(canonical({ ops: before["ops"] as unknown as Op[] }));
  if (!insertsOnly) throw new RangeError(`At ${show(p)} there is no rich text.`);
  if (measure(delta).requiredLength > length) throw new RangeError(`The edit reaches past the ${length} code units at ${show(p)}.`);
  return delta.ops.length === 0 ? [] : [{ p, t: "rich-text", o: delta.ops }];
}
