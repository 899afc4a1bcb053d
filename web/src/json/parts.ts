// Lists and objects as rows of a tree: what is in them, and which of it is which after a change.
import type { JsonValue } from "@cloudsync/client/json";

export type Members = { readonly [name: string]: JsonValue };

export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isObject(value: JsonValue): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first names or indices of what is in a value, in the order they come, and how many there are in all. */
export function partsOf(value: JsonValue, max: number): { steps: (string | number)[]; count: number } {
  if (isList(value)) return { steps: [...Array(Math.min(max, value.length)).keys()], count: value.length };
  if (!isObject(value)) return { steps: [], count: 0 };
  const names = Object.keys(value);
  return { steps: names.slice(0, max), count: names.length };
}

/**
 * For each item now, the index of the one before that it goes on from; -1 if it is new. Documents share what an edit
 * doesn't touch, so that an item that was not touched is the very same; one that was stands where it stood.
 */
export function pairItems(before: readonly JsonValue[], now: readonly JsonValue[]): number[] {
  let start = 0;
  while (start < before.length && start < now.length && before[start] === now[start]) start++;
  let end = 0;
  const endMax = Math.min(before.length, now.length) - start;
  while (end < endMax && before[before.length - 1 - end] === now[now.length - 1 - end]) end++;

  const places = new Map<JsonValue, number[]>();
  const free = new Set<number>();
  for (let i = before.length - end - 1; i >= start; i--) {
    free.add(i);
    const same = places.get(before[i]!);
    if (same) same.push(i);
    else places.set(before[i]!, [i]);
  }
  const pairs = now.map((item, i) => {
    if (i < start) return i;
    if (i >= now.length - end) return i - now.length + before.length;
    const place = places.get(item)?.pop() ?? -1;
    free.delete(place);
    return place;
  });
  let last = start - 1;
  for (let i = start; i < now.length - end; i++) {
    if (pairs[i] === -1 && free.delete(last + 1)) pairs[i] = last + 1;
    if (pairs[i] !== -1) last = pairs[i]!;
  }
  return pairs;
}

/** Which of the pairs can stay where they are while the others are moved around them: as many as can. */
export function staying(pairs: readonly number[]): boolean[] {
  // Of the rising sequences of each length found so far, where the one with the least end ends.
  const ends: number[] = [];
  const previous: number[] = [];
  pairs.forEach((pair, i) => {
    if (pair === -1) return;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]! < pair) low = middle + 1;
      else high = middle;
    }
    previous[i] = ends[low - 1] ?? -1;
    ends[low] = i;
  });
  const stays = pairs.map(() => false);
  for (let i = ends.at(-1) ?? -1; i !== -1; i = previous[i]!) stays[i] = true;
  return stays;
}

/** The beginning of a text, of at most `max` code units, never ending in half a character. */
export function beginning(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}
