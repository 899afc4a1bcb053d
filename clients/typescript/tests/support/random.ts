// Reproducible randomness: a seed (printed when a test fails) gives the same run again.
import Delta from "quill-delta";

export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1 (mulberry32). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** A whole number from 0 up to, and not including, `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

/** Runs a property with many seeds; the message of a failure names the seed. CLOUDSYNC_SEED runs one only. */
export function forSeeds(count: number, property: (random: Random) => void): void {
  const given = process.env["CLOUDSYNC_SEED"];
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  for (let seed = first; seed < first + (given === undefined ? count : 1); seed++) {
    try {
      property(new Random(seed));
    } catch (error) {
      throw new Error(`With CLOUDSYNC_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

const TEXTS = ["a", "b", "cd", "\n", "é", "漢字", "😀", "👩‍👧", "\u0000", "\uFEFF", "word "];
const ATTRIBUTES = [{ bold: true }, { bold: null }, { color: "#f00" }, { list: { kind: "bullet", depth: 2 } }, { color: null, bold: true }];
const EMBEDS = [{ image: "https://example.org/a.png" }, { card: 1 }];
const CHANGES = [{ card: 2 }, { card: { kind: "wide" } }];

export function randomInsert(random: Random, delta: Delta, plain = false): void {
  const attributes = !plain && random.chance(0.3) ? random.pick(ATTRIBUTES) : undefined;
  if (!plain && random.chance(0.1)) delta.insert(random.pick(EMBEDS), attributes);
  else delta.insert(random.pick(TEXTS), attributes);
}

/** An edit that fits the content and splits no surrogate pair. */
export function randomEdit(random: Random, content: Delta, plain = false): Delta {
  const text = content.ops.map((op) => (typeof op.insert === "string" ? op.insert : "\u0001")).join("");
  const edit = new Delta();
  let position = 0;
  const steps = 1 + random.below(3);
  for (let step = 0; step < steps; step++) {
    let skipTo = Math.min(text.length, position + random.below(step === 0 ? text.length + 1 : 6));
    if (splits(text, skipTo)) skipTo++;
    edit.retain(skipTo - position);
    position = skipTo;
    let end = Math.min(text.length, position + 1 + random.below(4));
    if (splits(text, end)) end++;
    const choice = random.next();
    if (choice < 0.55 || end === position) {
      randomInsert(random, edit, plain);
    } else if (choice < 0.65 && isCard(content, position)) {
      edit.retain(random.pick(CHANGES), random.chance(0.3) ? random.pick(ATTRIBUTES) : undefined);
      position++;
    } else if (choice < 0.85 || plain) {
      edit.delete(end - position);
      position = end;
    } else {
      edit.retain(end - position, random.pick(ATTRIBUTES));
      position = end;
    }
  }
  return edit.chop();
}

function isCard(content: Delta, at: number): boolean {
  const op = content.slice(at, at + 1).ops[0];
  return typeof op?.insert === "object" && Object.hasOwn(op.insert, "card");
}

function splits(text: string, at: number): boolean {
  return /[\uDC00-\uDFFF]/.test(text[at] ?? "") && /[\uD800-\uDBFF]/.test(text[at - 1] ?? "");
}
