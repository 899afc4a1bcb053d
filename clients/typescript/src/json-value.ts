// What is JSON, where in it something is, and how a document of it changes without changing the one before.

/** A plain JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Where something is: names of members and indices of items, from the outermost on. */
export type JsonPath = readonly (string | number)[];

/** Lists and objects in each other, and so the steps of a path. */
export const JSON_DEPTH_MAX = 128;

// With the u flag this finds surrogates that are not half of a pair, and only those.
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

export function isObject(value: unknown): value is Record<string, JsonValue> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** @throws {RangeError} Half a surrogate pair, for which UTF-8 has no form. */
export function checkWellFormed(text: string): void {
  if (LONE_SURROGATE.test(text)) throw new RangeError("A text holds half a surrogate pair.");
}

/**
 * A copy of a value, as it stands at a depth.
 * @throws {RangeError} It isn't JSON, or goes too deep.
 */
export function copyJson(value: unknown, depth: number): JsonValue {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string") {
    checkWellFormed(value);
    return value;
  }
  if (typeof value !== "object") throw new RangeError(`${String(value)} is not JSON.`);
  if (depth >= JSON_DEPTH_MAX) throw new RangeError(`Lists and objects stand at most ${JSON_DEPTH_MAX} deep in each other.`);
  if (Array.isArray(value)) return Array.from(value, (item) => copyJson(item, depth + 1));
  const copy: Record<string, JsonValue> = {};
  for (const [name, member] of Object.entries(value)) {
    checkName(name);
    // As JSON.stringify has it.
    if (member !== undefined) copy[name] = copyJson(member, depth + 1);
  }
  return copy;
}

export function checkName(name: string): void {
  if (name === "__proto__") throw new RangeError('"__proto__" can\'t be a name.');
  checkWellFormed(name);
}

/** What is at a path; undefined if there is nothing. */
export function valueAt(content: JsonValue, path: JsonPath): JsonValue | undefined {
  let value: JsonValue | undefined = content;
  for (const step of path) {
    if (Array.isArray(value) && typeof step === "number") value = (value as readonly JsonValue[])[step];
    else if (isObject(value) && typeof step === "string" && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}

/** The same content, with new lists and objects along a path: they may be changed in place, all others may not. */
export function ownAlong(content: JsonValue, path: JsonPath): JsonValue {
  const copy = (value: JsonValue): JsonValue =>
    Array.isArray(value) ? [...value] : isObject(value) ? { ...value } : value;
  const root = copy(content);
  let parent: any = root;
  for (const step of path) {
    if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, step)) break;
    parent = parent[step] = copy(parent[step]);
  }
  return root;
}
