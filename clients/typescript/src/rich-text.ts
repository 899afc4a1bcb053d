// The types of document that are deltas: rich text, and plain text, which is rich text without attributes and embeds.
import Delta, { type Op } from "quill-delta";
import { Content } from "./content.js";
import type { Committed, DocumentType, Place, Side } from "./document-type.js";
import { equalJson } from "./equal-json.js";
import { canonical, checkTexts, decodeOperation, encodeOperation, measure, reorder } from "./operation-codec.js";

class DeltaType implements DocumentType<Delta, Delta> {
  readonly nothing = new Delta();

  constructor(readonly name: "rich-text" | "text") {}

  readSnapshot(bytes: Uint8Array): Committed<Delta, Delta> {
    const snapshot = decodeOperation(bytes);
    if (!measure(snapshot).insertsOnly) throw new RangeError("A snapshot holds nothing but inserts.");
    return new Content(snapshot);
  }

  decode(bytes: Uint8Array): Delta {
    return decodeOperation(bytes);
  }

  encode(operation: Delta): Uint8Array<ArrayBuffer> {
    return encodeOperation(operation);
  }

  check(delta: Delta, _content: () => Delta, length: number): Delta {
    const operation = canonical(delta);
    const { requiredLength, plain } = measure(operation);
    if (requiredLength > length)
      throw new RangeError(`The edit reaches to ${requiredLength}; the document is ${length} code units long.`);
    if (this.name === "text" && !plain) throw new RangeError("A plain text has no attributes and no embeds.");
    return operation;
  }

  isEmpty(operation: Delta): boolean {
    return operation.ops.length === 0;
  }

  isEqual(own: Delta, committed: Delta): boolean {
    return equalJson(own.ops, reorder(committed).ops);
  }

  apply(content: Delta, operation: Delta): Delta {
    return content.compose(operation);
  }

  compose(first: Delta, second: Delta): Delta | undefined {
    if (measure(first).changesEmbeds) return undefined;
    const composed = first.compose(second);
    checkTexts(composed);
    return composed;
  }

  transform(operation: Delta, over: Delta, side: Side): Delta {
    return over.transform(operation, side === "right");
  }

  invert(operation: Delta, content: () => Delta): Delta {
    // Only for what is deleted or formatted does it matter what was there.
    const needsContent = operation.ops.some((op) => op.delete !== undefined || (op.retain && (op.attributes ?? typeof op.retain === "object")));
    return operation.invert(needsContent ? content() : this.nothing);
  }

  measure(operation: Delta): { requiredLength: number; lengthChange: number } {
    return measure(operation);
  }

  length(content: Delta): number {
    return measure(content).lengthChange;
  }

  memory(operation: Delta): number {
    return operation.ops.reduce((sum, op) => sum + memoryOf(op), 0);
  }

  movePosition(position: number, over: Delta, side: Side): number {
    return over.transformPosition(position, side === "left");
  }

  goOn(place: Place | undefined, operation: Delta): Place | undefined {
    // What the operation touches, in positions before it and after it.
    let [before, after] = [0, 0];
    let touched: { from: number; to: number; start: number; end: number } | undefined;
    for (const op of operation.ops) {
      const length = Delta.Op.length(op);
      const isPlain = typeof op.retain === "number" && op.attributes === undefined;
      if (!isPlain) touched ??= { from: before, to: before, start: after, end: after };
      if (op.insert === undefined) before += length;
      if (op.delete === undefined) after += length;
      if (!isPlain) Object.assign(touched!, { to: before, end: after });
    }
    if (touched === undefined) return place;
    if (typeof place !== "object") return { start: touched.start, end: touched.end };
    if (touched.to < place.start || touched.from > place.end) return undefined;
    const end = touched.end + Math.max(0, place.end - touched.to);
    return { start: Math.min(place.start, touched.start), end };
  }

  movePlace(place: Place, over: Delta): Place {
    if (typeof place !== "object") return place;
    return { start: over.transformPosition(place.start, true), end: over.transformPosition(place.end, true) };
  }
}

const OP_BYTES = 64;

function memoryOf(op: Op): number {
  const text = typeof op.insert === "string" ? op.insert.length * 2 : 0;
  const embed = typeof op.insert === "object" || typeof op.retain === "object" ? JSON.stringify(op.insert ?? op.retain).length : 0;
  const attributes = op.attributes === undefined ? 0 : JSON.stringify(op.attributes).length;
  return OP_BYTES + text + 2 * (embed + attributes);
}

export const richText: DocumentType<Delta, Delta> = new DeltaType("rich-text");
export const plainText: DocumentType<Delta, Delta> = new DeltaType("text");
