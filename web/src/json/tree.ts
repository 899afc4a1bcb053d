// A JSON value as a tree that folds, and follows the value as it changes. Keys are those of any tree (WAI-ARIA): the
// arrows, Home, End, Enter and Space.
import type { JsonValue } from "@cloudsync/client/json";
import { h } from "../dom.js";
import { Branch, type Trunk } from "./branch.js";

// Rows that are unfolded: by itself at first, within what comes new, and when everything is asked for.
const rowsAtFirst = 200;
const rowsOfNew = 30;
const rowsOfAll = 2000;
// How long what has changed is marked; the mark fades in the style sheet.
const markedMs = 1500;

export class Tree implements Trunk {
  readonly element = h("ul", {
    class: "json", role: "tree", "aria-label": "Content",
    click: (event: MouseEvent) => this.#clicked(event),
    keydown: (event: KeyboardEvent) => this.#pressed(event),
    focusin: (event: FocusEvent) => this.#focused(event.target as Element),
  });
  shares = true;
  readonly branches = new WeakMap<Element, Branch>();
  readonly #root: Branch;
  // The one that the Tab key leads to.
  #current: Branch;
  #changed = new Set<Branch>();
  // The rows that are marked, each with when it was.
  readonly #marked = new Map<HTMLElement, number>();
  #draws = 0;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(value: JsonValue) {
    this.#root = new Branch(this, undefined, undefined, value);
    this.#current = this.#root;
    this.#root.element.tabIndex = 0;
    this.element.append(this.#root.element);
    this.#unfold(this.#root, rowsAtFirst);
  }

  /**
   * Shows another value and marks what is new in it.
   * @param shares Whether what no edit touched is the very same value as before.
   */
  show(value: JsonValue, shares: boolean): void {
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    this.shares = shares;
    this.#root.show(undefined, value);
    this.#mark(this.#changed);
    this.#changed = new Set();
    if (!this.element.contains(this.#current.element)) this.#choose(this.#root);
    // A row that is moved or goes loses the focus.
    if (focused && document.activeElement !== focused) {
      if (focused.isConnected) (focused as HTMLElement).focus();
      else this.focus();
    }
  }

  focus(): void {
    this.#current.element.focus();
  }

  /** Unfolds what is folded, the outer before the inner, up to a bound. */
  unfold(): void {
    this.#unfold(this.#root, rowsOfAll);
  }

  /** Folds everything but the outermost. */
  fold(): void {
    const branches = [this.#root];
    for (const branch of branches) branches.push(...branch.parts);
    for (const branch of branches.slice(1)) branch.unfold(false);
    this.#choose(this.#root);
  }

  release(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  grew(branch: Branch): void {
    this.#changed.add(branch);
    this.#unfold(branch, branch === this.#root ? rowsAtFirst : rowsOfNew);
  }

  changed(branch: Branch): void {
    this.#changed.add(branch);
  }

  // The outermost in any case, what is in it as long as there are rows left.
  #unfold(from: Branch, rows: number): void {
    const branches = [from];
    for (const branch of branches) {
      if (branch !== this.#root && branch.rows > rows) continue;
      rows -= branch.rows;
      branch.unfold(true);
      branches.push(...branch.parts);
    }
  }

  #mark(branches: ReadonlySet<Branch>): void {
    if (branches.size === 0) return;
    const draw = ++this.#draws;
    for (const { row } of branches) {
      row.classList.add("json-changed");
      this.#marked.set(row, draw);
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      for (const { row } of branches) {
        if (this.#marked.get(row) !== draw) continue;
        this.#marked.delete(row);
        row.classList.remove("json-changed");
      }
    }, markedMs);
    this.#timers.add(timer);
  }

  #branchOf(target: Element): Branch | undefined {
    const item = target.closest("[role=treeitem]");
    return item ? this.branches.get(item) : undefined;
  }

  #clicked(event: MouseEvent): void {
    const target = event.target as Element;
    // Not when it ends a selection of text.
    if (target.closest("button") || !target.closest(".json-row") || getSelection()?.isCollapsed === false) return;
    const branch = this.#branchOf(target);
    branch?.unfold(!branch.open);
    branch?.element.focus({ preventScroll: true });
  }

  #focused(target: Element): void {
    const branch = this.#branchOf(target);
    if (branch) this.#choose(branch);
  }

  #choose(branch: Branch): void {
    this.#current.element.tabIndex = -1;
    this.#current = branch;
    branch.element.tabIndex = 0;
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).closest("button")) return;
    const branch = this.#current;
    switch (event.key) {
      case "ArrowRight":
        if (!branch.open) branch.unfold(true);
        else branch.parts[0]?.element.focus();
        break;
      case "ArrowLeft":
        if (branch.open) branch.unfold(false);
        else branch.parent?.element.focus();
        break;
      case "Enter":
      case " ":
        branch.unfold(!branch.open);
        break;
      case "ArrowDown":
      case "ArrowUp":
      case "Home":
      case "End": {
        // What is folded is not in the page.
        const items = [...this.element.querySelectorAll<HTMLElement>("[role=treeitem]")];
        const at = items.indexOf(branch.element);
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
        items[to]?.focus();
        break;
      }
      default:
        return;
    }
    event.preventDefault();
  }
}
