// One value in the tree: its row, and, once it was unfolded, the branches of what is in it. What is drawn is bounded: a
// few of many parts, the beginning of a long text; more when it is asked for.
import type { JsonValue } from "@cloudsync/client/json";
import { h } from "../dom.js";
import { icon } from "../icons.js";
import { beginning, isList, isObject, pairItems, partsOf, staying } from "./parts.js";

/** Of a list or an object are shown so many parts, and so many more each time. */
export const partsShown = 100;
// Of a text so many code units, of a name too; and each time so many more.
const textShown = 300;
const nameShown = 100;
const textShownMore = 20_000;

/** What a branch asks of the tree it is in. */
export interface Trunk {
  /** There is a branch that wasn't there, or something quite different in one. */
  grew(branch: Branch): void;
  /** Something of it is other than it was. */
  changed(branch: Branch): void;
  /** Whether what an edit didn't touch is the very same value as before: false if everything was loaded anew. */
  readonly shares: boolean;
  /** By their elements. */
  readonly branches: WeakMap<Element, Branch>;
}

export class Branch {
  readonly row = h("div", { class: "json-row" });
  readonly element = h("li", { role: "treeitem", tabindex: -1 }, this.row);
  /** What is shown of what is in it. */
  parts: Branch[] = [];
  open = false;
  /** How many are in it; 0 of what is no list or object. */
  count = 0;

  readonly #group = h("ul", { role: "group" });
  #step: string | number | undefined;
  #value: JsonValue = null;
  #partsMax = partsShown;
  #textMax = textShown;

  constructor(
    private readonly trunk: Trunk,
    readonly parent: Branch | undefined,
    step: string | number | undefined,
    value: JsonValue,
  ) {
    this.#step = step;
    this.#value = value;
    trunk.branches.set(this.element, this);
    this.#draw();
  }

  /** How many rows it takes to unfold it. */
  get rows(): number {
    return Math.min(this.count, this.#partsMax);
  }

  /** Shows another name or value, and tells the tree what is other than it was. */
  show(step: string | number | undefined, value: JsonValue): void {
    const before = this.#value;
    if (step === this.#step && value === before) return;
    this.#step = step;
    this.#value = value;
    const isSameKind = (isList(before) && isList(value)) || (isObject(before) && isObject(value));
    if (value !== before && !isSameKind) {
      this.#partsMax = partsShown;
      this.#clear();
    }
    this.#draw();
    if (value === before) return;
    if (!isSameKind || partsOf(before, 0).count === 0) return this.trunk.grew(this);
    this.#follow(before);
    if (!this.open && this.trunk.shares) this.trunk.changed(this);
  }

  unfold(open: boolean): void {
    if (open === this.open || this.count === 0) return;
    this.open = open;
    if (open && this.parts.length === 0) this.#fill();
    this.#draw();
  }

  #fill(): void {
    const { steps } = partsOf(this.#value, this.#partsMax);
    for (const step of steps.slice(this.parts.length)) this.parts.push(this.#grow(step, at(this.#value, step)));
    this.#group.replaceChildren(...this.parts.map(({ element }) => element));
    this.#drawMore();
  }

  #clear(): void {
    this.open = false;
    this.parts = [];
    this.#group.replaceChildren();
  }

  #grow(step: string | number, value: JsonValue): Branch {
    return new Branch(this.trunk, this, step, value);
  }

  // Brings the branches in step with the value, which was `before`.
  #follow(before: JsonValue): void {
    if (this.count === 0) return this.#clear();
    if (this.parts.length === 0) return;
    const old = this.parts;
    const { steps } = partsOf(this.#value, this.#partsMax);
    let pairs: number[];
    if (isList(before)) {
      pairs = pairItems(before.slice(0, old.length), (this.#value as readonly JsonValue[]).slice(0, steps.length));
    } else {
      const places = new Map(old.map((branch, place) => [branch.#step, place]));
      pairs = steps.map((step) => places.get(step) ?? -1);
    }
    const stays = staying(pairs);
    const kept = new Set(pairs);
    old.forEach((branch, place) => { if (!kept.has(place)) branch.element.remove(); });
    const countBefore = partsOf(before, 0).count;
    // What was behind those that were shown, and is among them now that there are fewer, is not new.
    const mayBeKnown = old.length < countBefore && pairs.includes(-1);
    const known = mayBeKnown ? new Set(isList(before) ? before : Object.keys(before as object)) : undefined;
    const grown: Branch[] = [];
    this.parts = steps.map((step, i) => {
      const value = at(this.#value, step);
      const branch = pairs[i] === -1 ? this.#grow(step, value) : old[pairs[i]!]!;
      if (pairs[i] === -1) {
        if (!known?.has(isList(before) ? value : (step as string))) grown.push(branch);
      } else {
        branch.show(step, value);
        if (!stays[i]) this.trunk.changed(branch);
      }
      return branch;
    });
    // From the end, so that each is set before one that is in its place.
    let next: Element | null = null;
    for (let i = this.parts.length - 1; i >= 0; i--) {
      const { element } = this.parts[i]!;
      if (!stays[i]) this.#group.insertBefore(element, next ?? this.#group.querySelector(":scope > .json-more"));
      next = element;
    }
    for (const branch of grown) this.trunk.grew(branch);
    if (this.count < countBefore) this.trunk.changed(this);
    this.#drawMore();
  }

  // What says that there is more, and shows it.
  #drawMore(): void {
    this.#group.querySelector(":scope > .json-more")?.remove();
    const rest = this.count - this.parts.length;
    if (rest <= 0) return;
    const more = Math.min(rest, partsShown);
    const button = h("button", { type: "button", class: "small plain", click: () => {
      const first = this.parts.length;
      this.#partsMax = first + partsShown;
      this.#fill();
      this.parts[first]?.element.focus();
    } }, `Show ${more} more`);
    this.#group.append(h("li", { class: "json-more", role: "none" }, button, h("span", {}, `of ${rest.toLocaleString("en")}`)));
  }

  #draw(): void {
    this.count = partsOf(this.#value, 0).count;
    const { element, row } = this;
    if (this.count === 0) element.removeAttribute("aria-expanded");
    else element.setAttribute("aria-expanded", String(this.open));
    const name = this.#step === undefined ? [] : [this.#drawName(this.#step)];
    row.replaceChildren(h("span", { class: "json-twist" }, this.count > 0 && icon("chevron")), ...name, ...this.#drawValue());
    if (!this.open) this.#group.remove();
    // Not appended again: what has the focus in it would lose it.
    else if (this.#group.parentElement !== element) element.append(this.#group);
    const label = [...row.children].map((part) => part.textContent).filter((part) => part !== "").join(" ");
    element.setAttribute("aria-label", beginning(label, textShown));
  }

  #drawName(step: string | number): HTMLElement {
    if (typeof step === "number") return h("span", { class: "json-index" }, `${step}:`);
    const text = beginning(step, nameShown);
    return h("span", { class: "json-name" }, h("bdi", {}, text === step ? step || '""' : `${text}…`), ":");
  }

  #drawValue(): HTMLElement[] {
    const value = this.#value;
    if (isList(value)) return [sum("[ ]", this.count, "item", "items")];
    if (isObject(value)) return [sum("{ }", this.count, "member", "members")];
    if (typeof value !== "string") return [h("span", { class: `json-${typeof value}` }, JSON.stringify(value))];
    const text = beginning(value, this.#textMax);
    if (text === value) return [h("bdi", { class: "json-text" }, JSON.stringify(value))];
    const more = h("button", { type: "button", class: "quiet json-rest", click: () => {
      this.#textMax += textShownMore;
      this.#draw();
      this.element.focus();
    } }, value.length > this.#textMax + textShownMore ? "Show more" : "Show all");
    const rest = `${(value.length - text.length).toLocaleString("en")} more characters`;
    return [h("span", { class: "json-long" },
      h("bdi", { class: "json-text" }, `${JSON.stringify(text).slice(0, -1)}…`), " ", h("span", { class: "json-sum" }, rest), " ", more)];
  }
}

function at(value: JsonValue, step: string | number): JsonValue {
  return (value as Record<string | number, JsonValue>)[step]!;
}

function sum(mark: string, count: number, one: string, many: string): HTMLElement {
  const words = count === 0 ? "empty" : `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
  return h("span", { class: "json-sum" }, h("span", { class: "json-mark", "aria-hidden": "true" }, mark), ` ${words}`);
}
