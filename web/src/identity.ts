// Who one is to the others: a name and a colour, kept in this browser. Until a person chooses, a friendly random one.
import type { User } from "@cloudsync/client";

/** Colours that carry white text and stand out on light and dark paper. */
export const colors = [
  "#c92a2a", "#c2255c", "#9c36b5", "#6741d9", "#3b5bdb", "#1971c2", "#0b7285", "#087f5b", "#2b8a3e", "#c4500c",
] as const;

export const nameLengthMax = 40;

const adjectives = [
  "Amber", "Brave", "Bright", "Calm", "Clever", "Gentle", "Golden", "Happy", "Kind", "Lively", "Merry", "Nimble",
  "Quiet", "Quick", "Silver", "Sunny", "Warm", "Wise",
];
const animals = [
  "Badger", "Bear", "Beaver", "Crane", "Curlew", "Dolphin", "Finch", "Fox", "Hare", "Heron", "Kestrel", "Lynx",
  "Magpie", "Marten", "Otter", "Owl", "Robin", "Seal", "Swift", "Wren",
];

const key = "cloudsync.user";

export interface Identity extends User {
  /** The person has chosen name and colour, or has seen that they can. */
  readonly chosen: boolean;
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)]!;
}

/** A colour that is safe to show, whatever another client sent. */
export function safeColor(color: string): string {
  return /^#[0-9a-f]{6}$/i.test(color) ? color : "#5c636e";
}

/** A name that can be shown, whatever another client sent. */
export function safeName(name: string): string {
  return name.trim().slice(0, nameLengthMax) || "Somebody";
}

function load(): Identity {
  try {
    const stored = JSON.parse(localStorage.getItem(key) ?? "null") as Partial<Identity> | null;
    if (stored && typeof stored.id === "string" && typeof stored.name === "string" && typeof stored.color === "string") {
      return { id: stored.id, name: safeName(stored.name), color: safeColor(stored.color), chosen: !!stored.chosen };
    }
  } catch {
    // Unreadable, or storage is forbidden: a new name does no harm.
  }
  const random = crypto.getRandomValues(new Uint8Array(12));
  const id = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { id, name: `${pick(adjectives)} ${pick(animals)}`, color: pick(colors), chosen: false };
}

function store(identity: Identity): void {
  try {
    localStorage.setItem(key, JSON.stringify(identity));
  } catch {
    // Storage is forbidden or full: the name lasts as long as the page.
  }
}

let current = load();
store(current);
const listeners = new Set<(identity: Identity) => void>();

export function identity(): Identity {
  return current;
}

/** Takes another name or colour, from now on and in every open tab's next page. */
export function setIdentity(change: Partial<Pick<Identity, "name" | "color">>): void {
  current = {
    ...current,
    name: safeName(change.name ?? current.name),
    color: safeColor(change.color ?? current.color),
    chosen: true,
  };
  store(current);
  for (const listener of listeners) listener(current);
}

export function onIdentity(listener: (identity: Identity) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** One or two letters for a round badge. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u);
  const letters = words.length > 1 ? [words[0]!, words[words.length - 1]!] : [words[0]!];
  return letters.map((word) => [...word][0] ?? "").join("").toLocaleUpperCase();
}
