// Random JSON and random operations on it.
import type { JsonComponent, JsonOperation } from "../../src/json-operation.js";
import { jsonType } from "../../src/json-type.js";
import { valueAt, type JsonPath, type JsonValue } from "../../src/json-value.js";
import type { Random } from "./random.js";

const NAMES = ["a", "b", "title", "é", "0"];
const TEXTS = ["", "x", "hello", "漢字", "😀!"];

export function randomJson(random: Random, depth = 3): JsonValue {
  const choice = random.below(depth > 0 ? 8 : 5);
  if (choice === 0) return null;
  if (choice === 1) return random.chance(0.5);
  if (choice === 2) return random.below(100) / 4;
  if (choice < 5) return random.pick(TEXTS);
  if (choice === 5) return { ops: [{ insert: random.pick(["text", "more 😀"]) }] };
  const items = Array.from({ length: random.below(4) }, () => randomJson(random, depth - 1));
  if (choice === 6) return items;
  return Object.fromEntries(items.map((item) => [random.pick(NAMES), item]));
}

/** The paths of everything in a value. */
function pathsIn(value: JsonValue, path: JsonPath = []): JsonPath[] {
  if (typeof value !== "object" || value === null) return [path];
  // Within rich text only deltas are to be made.
  if (Object.hasOwn(value, "ops")) return [path];
  const steps = Array.isArray(value) ? value.map((_item, index) => index) : Object.keys(value);
  return [path, ...steps.flatMap((step) => pathsIn((value as any)[step], [...path, step]))];
}

function randomComponent(random: Random, content: JsonValue): JsonComponent {
  // The root is replaced now and then only: it would make everything else void.
  const paths = pathsIn(content);
  const p = random.chance(0.03) ? [] : random.pick(paths);
  const value = valueAt(content, p)!;
  const li = randomJson(random, 2);
  if (p.length === 0 && (typeof value !== "object" || value === null || random.chance(0.05)))
    return { p, oi: { list: [1, 2, 3], text: "abc", number: 1, rich: { ops: [{ insert: "rich\n" }] } } };
  if (typeof value === "number" && random.chance(0.7)) return { p, na: random.below(20) - 10 };
  if (typeof value === "string" && random.chance(0.7)) {
    const at = random.below([...value].length + 1);
    const position = [...value].slice(0, at).join("").length;
    const next = [...value][at];
    if (next !== undefined && random.chance(0.4)) return { p: [...p, position], sd: next };
    return { p, t: "text0", o: [{ p: position, i: random.pick(["y", "zz", "😀"]) }] };
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const { ops } = value as any;
    if (Array.isArray(ops) && ops.length > 0) {
      const o = random.chance(0.5) ? [{ insert: "n" }] : [{ retain: 1, attributes: { bold: random.chance(0.7) ? true : null } }];
      return { p, t: "rich-text", o };
    }
    return { p: [...p, random.pick(NAMES)], oi: li };
  }
  if (Array.isArray(value) && random.chance(0.8)) {
    const index = random.below(value.length + 1);
    const there = index < value.length;
    const choice = random.below(4);
    if (there && choice === 0) return { p: [...p, index], ld: null };
    if (there && choice === 1) return { p: [...p, index], ld: null, li };
    if (there && choice === 2) return { p: [...p, index], lm: random.below(value.length) };
    return { p: [...p, index], li };
  }
  if (typeof p.at(-1) === "number") return random.chance(0.5) ? { p, ld: null } : { p, li };
  return p.length > 0 && random.chance(0.4) ? { p, od: null } : { p, oi: li };
}

/** An operation that fits the content, in the form that is kept. */
export function randomJsonOperation(random: Random, content: JsonValue): JsonOperation {
  const operation: JsonComponent[] = [];
  let now = content;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const checked = jsonType.check([randomComponent(random, now)], () => now, 0);
    now = jsonType.apply(now, checked);
    operation.push(...checked);
  }
  return operation;
}
