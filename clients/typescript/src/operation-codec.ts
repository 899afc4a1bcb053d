// Operations between quill-delta's objects and their binary form (docs/operations.md), and the checks that keep out
// what the binary form can't express.
//
// The form: components one after another; each has a varint header (value << 3 | attributed << 2 | kind), then, if
// attributed, a varint length and a JSON object, then its payload.
import Delta, { type Op } from "quill-delta";

const RETAIN = 0;
const DELETE = 1;
const TEXT = 2;
const EMBED = 3;
const ATTRIBUTED = 4;
const EMBED_INSERT = 0;
const EMBED_CHANGE = 1;

/** Lengths are 31 bits, in code units and in bytes. */
const VALUE_MAX = 0x7fff_ffff;
// Objects and arrays in each other, the outermost counting as one.
const JSON_DEPTH_MAX = 32;
// With the u flag this finds surrogates that are not half of a pair, and only those.
const LONE_SURROGATE = /[\uD800-\uDFFF]/u;

/** The bytes are not an operation. */
export class MalformedOperationError extends Error {
  override readonly name = "MalformedOperationError";
}

/**
 * A copy in canonical form: what quill-delta's push makes of it, without a plain retain at the end, and without null
 * among the attributes of an insert, where there is nothing to remove.
 * @throws {RangeError} It can't be expressed; the message says why.
 */
export function canonical(delta: { readonly ops: readonly Op[] }): Delta {
  const result = new Delta();
  for (const op of delta.ops) {
    const { insert, retain, delete: deleted } = op;
    if ([insert, retain, deleted].filter((part) => part !== undefined).length !== 1)
      throw new RangeError("A component has exactly one of insert, retain and delete.");
    if (deleted !== undefined) {
      if (op.attributes !== undefined) throw new RangeError("A delete has no attributes.");
      result.delete(checkLength(deleted));
      continue;
    }
    const attributes = op.attributes == null ? undefined : checkAttributes(op.attributes, insert === undefined);
    if (typeof insert === "string") {
      checkText(insert);
      result.insert(insert, attributes);
    } else if (insert !== undefined) {
      result.insert(checkObject(insert, "An embed"), attributes);
    } else if (typeof retain === "number") {
      result.retain(checkLength(retain), attributes);
    } else {
      const change = checkObject(retain, "A change of an embed");
      if (Object.keys(change).length !== 1) throw new RangeError("A change of an embed has one member, the embed's type.");
      result.retain(change, attributes);
    }
  }
  return result.chop();
}

/** Throws a RangeError if an inserted text holds half a surrogate pair: UTF-8, and so the wire, has no form for it. */
export function checkTexts(delta: Delta): void {
  for (const op of delta.ops) if (typeof op.insert === "string") checkText(op.insert);
}

/** What must be known of an operation to merge it. */
export interface Measure {
  /** UTF-16 code units a document must have at least. */
  readonly requiredLength: number;
  /** By how much the operation makes it longer, or, negative, shorter. */
  readonly lengthChange: number;
  readonly insertsOnly: boolean;
  /** It has neither attributes nor embeds. */
  readonly plain: boolean;
  /**
   * It changes an embed. Then it must not be composed with what comes after it other than onto a document: in that,
   * quill-delta forgets to remove attributes.
   */
  readonly changesEmbeds: boolean;
}

// The rule for changes of embeds (docs/operations.md): the new data replaces the old.
const replaceEmbed = {
  compose: (_before: unknown, after: unknown): unknown => after,
  invert: (_change: unknown, before: unknown): unknown => before,
  transform: (over: unknown, own: unknown, priority: boolean): unknown => (priority ? over : own),
};

/** @throws {RangeError} It changes an embed of a type for which the application has registered a rule of its own. */
export function measure(delta: Delta): Measure {
  let requiredLength = 0;
  let lengthChange = 0;
  let insertsOnly = true;
  let plain = true;
  let changesEmbeds = false;
  for (const op of delta.ops) {
    const length = Delta.Op.length(op);
    plain &&= op.attributes === undefined && typeof op.retain !== "object" && typeof op.insert !== "object";
    if (op.insert !== undefined) {
      lengthChange += length;
      continue;
    }
    insertsOnly = false;
    requiredLength += length;
    if (op.delete !== undefined) lengthChange -= length;
    if (typeof op.retain !== "object") continue;
    changesEmbeds = true;
    // quill-delta keeps its rules for all of the page, and refuses types without one.
    const rule = (Delta["handlers"][Object.keys(op.retain)[0] ?? ""] ??= replaceEmbed);
    if (rule !== replaceEmbed)
      throw new RangeError("A handler of the application's own (Delta.registerEmbed) merges embeds otherwise than the server.");
  }
  return { requiredLength, lengthChange, insertsOnly, plain, changesEmbeds };
}

/** Takes an operation in canonical form. */
export function encodeOperation(delta: Delta): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  for (const op of delta.ops) {
    if (op.delete !== undefined) {
      writer.header(op.delete, DELETE, undefined);
    } else if (typeof op.insert === "string") {
      const text = utf8.encode(op.insert);
      writer.header(text.length, TEXT, op.attributes);
      writer.bytes(text);
    } else if (op.insert !== undefined) {
      writer.header(EMBED_INSERT, EMBED, op.attributes);
      writer.json(op.insert);
    } else if (typeof op.retain === "number") {
      writer.header(op.retain, RETAIN, op.attributes);
    } else {
      writer.header(EMBED_CHANGE, EMBED, op.attributes);
      writer.json(op.retain);
    }
  }
  return writer.result();
}

/**
 * Reads an operation, canonical or not. A run of operations that was composed may insert behind a delete, and the order
 * is kept: it decides where what is transformed over the run goes (docs/operations.md).
 * @throws {MalformedOperationError} The bytes are not one.
 */
export function decodeOperation(bytes: Uint8Array): Delta {
  const reader = new Reader(bytes);
  const delta = new Delta();
  while (!reader.atEnd) {
    const header = reader.varint();
    const value = Math.floor(header / 8);
    const kind = header & 3;
    if (value > VALUE_MAX) throw new MalformedOperationError(`A value of ${value} is over ${VALUE_MAX}.`);
    if (value === 0 && kind !== EMBED) throw new MalformedOperationError("A component of length 0.");
    const attributes = (header & ATTRIBUTED) !== 0 ? reader.json() : undefined;
    if (kind === RETAIN) {
      delta.retain(value, attributes);
    } else if (kind === DELETE) {
      if (attributes !== undefined) throw new MalformedOperationError("A delete with attributes.");
      delta.delete(value);
    } else if (kind === TEXT) {
      append(delta, new Delta().insert(reader.text(value), attributes));
    } else if (value === EMBED_INSERT) {
      append(delta, new Delta().insert(reader.json(), attributes));
    } else if (value === EMBED_CHANGE) {
      const change = reader.json();
      if (Object.keys(change).length !== 1)
        throw new MalformedOperationError("A change of an embed without exactly one member.");
      delta.retain(change, attributes);
    } else {
      throw new MalformedOperationError(`An embed of the unknown kind ${value}.`);
    }
  }
  return delta.chop();
}

/** The same operation as quill-delta's push orders it. */
export function reorder(delta: Delta): Delta {
  return delta.ops.reduce((ordered, op) => ordered.push(op), new Delta());
}

// Push puts an insert before a delete.
function append(delta: Delta, { ops: [insert] }: Delta): void {
  if (delta.ops.at(-1)?.delete === undefined) delta.push(insert!);
  else delta.ops.push(insert!);
}

function checkLength(length: unknown): number {
  if (!Number.isInteger(length) || (length as number) < 0 || (length as number) > VALUE_MAX)
    throw new RangeError(`A length of ${String(length)} is not a whole number from 0 to ${VALUE_MAX}.`);
  return length as number;
}

function checkText(text: string): void {
  if (LONE_SURROGATE.test(text)) throw new RangeError("A text holds half a surrogate pair.");
}

function checkObject(value: unknown, what: string, deep = true): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RangeError(`${what} must be an object.`);
  if (deep) checkJson(value, 1);
  return value as Record<string, unknown>;
}

function checkAttributes(attributes: object, keepNull: boolean): Record<string, unknown> {
  const entries = Object.entries(checkObject(attributes, "Attributes", false));
  // quill-delta would take an attribute of such a name for set where it isn't; the server refuses it.
  const taken = entries.find(([name]) => name in Object.prototype);
  if (taken !== undefined) throw new RangeError(`An attribute can't be named "${taken[0]}".`);
  // Editors write { bold: undefined } for an attribute that isn't there.
  return checkObject(Object.fromEntries(entries.filter(([, value]) => value !== undefined && (keepNull || value !== null))), "Attributes");
}

function checkJson(value: unknown, depth: number): void {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") return checkText(value);
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (typeof value !== "object") throw new RangeError(`Attributes and embeds are JSON; ${String(value)} is not.`);
  if (depth > JSON_DEPTH_MAX) throw new RangeError(`Attributes and embeds nest at most ${JSON_DEPTH_MAX} deep.`);
  for (const [key, item] of Object.entries(value)) {
    // As a key of quill-delta's plain objects it would be taken for their prototype.
    if (key === "__proto__") throw new RangeError('"__proto__" can\'t be a name in attributes and embeds.');
    checkText(key);
    checkJson(item, depth + 1);
  }
}

const utf8 = new TextEncoder();
// ignoreBOM: a U+FEFF at the beginning is text like any other.
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Writer {
  #buffer = new Uint8Array(64);
  #length = 0;

  header(value: number, kind: number, attributes: object | undefined): void {
    this.#varint(value * 8 + (attributes !== undefined ? ATTRIBUTED : 0) + kind);
    if (attributes !== undefined) this.json(attributes);
  }

  json(value: object | undefined): void {
    const text = utf8.encode(JSON.stringify(value));
    this.#varint(text.length);
    this.bytes(text);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  result(): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(0, this.#length);
  }

  // By division, since a header takes up to 34 bits.
  #varint(value: number): void {
    this.#reserve(5);
    for (; value >= 0x80; value = Math.floor(value / 0x80)) this.#buffer[this.#length++] = (value % 0x80) | 0x80;
    this.#buffer[this.#length++] = value;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + count));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

class Reader {
  #position = 0;

  constructor(readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.#position >= this.bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let index = 0, factor = 1; index < 5; index++, factor *= 0x80) {
      const byte = this.bytes[this.#position++];
      if (byte === undefined) throw new MalformedOperationError("The operation ends inside a number.");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new MalformedOperationError("A number is over 5 bytes long.");
  }

  text(length: number): string {
    const end = this.#position + length;
    if (end > this.bytes.length) throw new MalformedOperationError("The operation ends inside a text.");
    try {
      return fromUtf8.decode(this.bytes.subarray(this.#position, (this.#position = end)));
    } catch {
      throw new MalformedOperationError("A text is not valid UTF-8.");
    }
  }

  json(): Record<string, unknown> {
    const text = this.text(this.varint());
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new MalformedOperationError("Attributes or an embed are not valid JSON.");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new MalformedOperationError("Attributes or an embed are not a JSON object.");
    return value as Record<string, unknown>;
  }
}
