// The type of document `json`: operations and their merging are json0's, by the package ot-json0 itself, with the
// subtypes text0 and rich-text.
import json0 from "ot-json0";
import Delta, { type Op } from "quill-delta";
import type { Committed, DocumentType, Place, Side } from "./document-type.js";
import { equalJson } from "./equal-json.js";
import { COMPONENTS_MAX, fitComponent, placeOf, type JsonComponent, type JsonOperation } from "./json-operation.js";
import { ownAlong, valueAt, type JsonValue } from "./json-value.js";
import { MalformedOperationError } from "./operation-codec.js";

// Edits that wait are composed to this many components: each is transformed over each that comes.
const COMPOSED_COMPONENTS_MAX = 500;

type Ops = Op[] | { ops: Op[] };

// As the package rich-text has it, on the quill-delta that the client has; plain objects instead of Deltas, as in json0
// a member can't be set in anything else. Of two inserts at one place "left" goes behind, other than in json0.
json0.type.registerSubtype({
  name: "rich-text",
  apply: (content: Ops, operation: Ops) => ({ ops: new Delta(content).compose(new Delta(operation)).ops }),
  compose: (first: Ops, second: Ops) => ({ ops: new Delta(first).compose(new Delta(second)).ops }),
  transform: (operation: Ops, over: Ops, side: Side) => ({
    ops: new Delta(over).transform(new Delta(operation), side === "left").ops,
  }),
});

class JsonType implements DocumentType<JsonOperation, JsonValue> {
  readonly name = "json";
  readonly nothing: JsonOperation = [];

  readSnapshot(bytes: Uint8Array): Committed<JsonOperation, JsonValue> {
    let content = bytes.length === 0 ? null : (parse(bytes) as JsonValue);
    return {
      get content() {
        return content;
      },
      append: (operation) => {
        content = this.apply(content, operation);
      },
    };
  }

  decode(bytes: Uint8Array): JsonOperation {
    const operation = parse(bytes);
    const isComponent = (value: any): boolean => typeof value === "object" && value !== null && Array.isArray(value.p);
    if (!Array.isArray(operation) || !operation.every(isComponent))
      throw new MalformedOperationError("An operation is not a list of components.");
    return operation;
  }

  encode(operation: JsonOperation): Uint8Array<ArrayBuffer> {
    return new TextEncoder().encode(JSON.stringify(operation));
  }

  check(operation: JsonOperation, content: () => JsonValue): JsonOperation {
    if (!Array.isArray(operation)) throw new RangeError("An operation is a list of components.");
    if (operation.length > COMPONENTS_MAX) throw new RangeError(`An operation has at most ${COMPONENTS_MAX} components.`);
    const checked: JsonComponent[] = [];
    let now = content();
    for (const component of operation as JsonOperation) {
      const fitting = fitComponent(component, now);
      try {
        now = this.apply(now, fitting);
      } catch (error) {
        throw new RangeError(`It doesn't fit: ${(error as Error).message}`, { cause: error });
      }
      checked.push(...fitting);
    }
    if (checked.length > COMPONENTS_MAX) throw new RangeError(`An operation has at most ${COMPONENTS_MAX} components.`);
    return checked;
  }

  isEmpty(operation: JsonOperation): boolean {
    return operation.length === 0;
  }

  isEqual(own: JsonOperation, committed: JsonOperation): boolean {
    return equalJson(own, committed);
  }

  apply(content: JsonValue, operation: JsonOperation): JsonValue {
    return operation.reduce(applyComponent, content);
  }

  compose(first: JsonOperation, second: JsonOperation): JsonOperation | undefined {
    if (first.length + second.length > COMPOSED_COMPONENTS_MAX) return undefined;
    return json0.type.compose(first, second) as JsonOperation;
  }

  transform(operation: JsonOperation, over: JsonOperation, side: Side): JsonOperation {
    return json0.type.transform(operation, over, side) as JsonOperation;
  }

  invert(operation: JsonOperation, content: () => JsonValue): JsonOperation {
    // Of everything but rich text the operation itself tells what was there before.
    const walks = operation.some((component) => "t" in component && component.t === "rich-text");
    let before = walks ? content() : null;
    const inverse: JsonComponent[] = [];
    for (const component of operation) {
      if ("t" in component && component.t === "rich-text") {
        const delta = new Delta(component.o as Ops).invert(new Delta(valueAt(before, component.p) as unknown as Ops));
        inverse.unshift({ p: component.p, t: "rich-text", o: delta.ops });
      } else {
        inverse.unshift(json0.type.invertComponent(component) as JsonComponent);
      }
      if (walks) before = applyComponent(before, component);
    }
    return inverse;
  }

  measure(): { requiredLength: number; lengthChange: number } {
    return { requiredLength: 0, lengthChange: 0 };
  }

  length(): number {
    return 0;
  }

  memory(operation: JsonOperation): number {
    return 2 * JSON.stringify(operation).length;
  }

  movePosition(position: number): number {
    return position;
  }

  // Edits go on where one text, number or value is changed again.
  goOn(place: Place | undefined, operation: JsonOperation): Place | undefined {
    const places = new Set(operation.map((component) => JSON.stringify(placeOf(component))));
    const [here] = places;
    const isChange = operation.every((component) => !("lm" in component) && ("li" in component) === ("ld" in component));
    return places.size === 1 && isChange && (place === undefined || place === here) ? here : undefined;
  }

  movePlace(place: Place): Place {
    return place;
  }
}

// json0 changes content in place: what it changes is copied before, and all the rest shared.
function applyComponent(content: JsonValue, component: JsonComponent): JsonValue {
  return json0.type.apply(ownAlong(content, placeOf(component).slice(0, -1)), [component]) as JsonValue;
}

const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8.decode(bytes));
  } catch (error) {
    throw new MalformedOperationError("The bytes are not JSON.", { cause: error });
  }
}

export const jsonType: DocumentType<JsonOperation, JsonValue> = new JsonType();
