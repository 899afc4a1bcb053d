// Who else is in a document, and where: kept right between presence messages by moving selections over edits.
//
// The rule is everybody's, the server's too: an author's own operation moves his selection with it (an insert at the
// caret pushes it), everybody else's selection stays before what is inserted exactly there.
import type Delta from "quill-delta";
import type { PresenceEntry, Selection } from "./api.js";
import type { PresenceChanged } from "./generated/cloudsync/v1/presence_pb.js";

export function moveSelection(selection: Selection, over: Delta, byItsAuthor: boolean): Selection {
  const move = (position: number): number => over.transformPosition(position, !byItsAuthor);
  return { anchor: move(selection.anchor), focus: move(selection.focus) };
}

export class Presence {
  #entries = new Map<bigint, PresenceEntry>();

  constructor(readonly ownClientId: bigint) {}

  get size(): number {
    return this.#entries.size;
  }

  update(message: PresenceChanged): void {
    if (message.everybody) this.#entries.clear();
    for (const { clientId, user, selection, state } of message.entries) {
      if (clientId === this.ownClientId) continue;
      this.#entries.set(clientId, {
        clientId: String(clientId),
        user: { id: user?.id ?? "", name: user?.name ?? "", color: user?.color ?? "" },
        ...(selection && { selection: { anchor: selection.anchor, focus: selection.focus } }),
        ...(state !== "" && { state: parseJson(state) }),
      });
    }
    for (const clientId of message.left) this.#entries.delete(clientId);
  }

  /** Moves everybody's selection over a committed operation; author 0n if several people made it. */
  move(over: Delta, author: bigint): void {
    for (const [clientId, entry] of this.#entries)
      if (entry.selection)
        this.#entries.set(clientId, { ...entry, selection: moveSelection(entry.selection, over, clientId === author) });
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The entries as the user sees them, with his pending operations on top of what is committed. */
  entries(pending: readonly Delta[], length: number): readonly PresenceEntry[] {
    return [...this.#entries.values()].map((entry) => {
      if (!entry.selection) return entry;
      const { anchor, focus } = pending.reduce((at, over) => moveSelection(at, over, false), entry.selection);
      return { ...entry, selection: { anchor: Math.min(anchor, length), focus: Math.min(focus, length) } };
    });
  }
}

/** What this session shows, and what the others have of it. */
export class OwnPresence {
  selection: Selection | undefined;
  /** JSON, or empty. */
  state = "";
  // What the others take the selection to be, they too moving it over edits.
  #shown: Selection | undefined;
  #changed = false;

  /** Something other than the selection changed. */
  change(): void {
    this.#changed = true;
  }

  /** There is a new session, of which the others know only the user. */
  begin(): void {
    this.#shown = undefined;
    this.#changed = this.state !== "";
  }

  /** Moves what the others see over a committed operation. */
  moveShown(over: Delta, isOwn: boolean): void {
    if (this.#shown) this.#shown = moveSelection(this.#shown, over, isOwn);
  }

  /** Moves the user's selection over a change of what he sees. */
  moveSelection(over: Delta, isOwn: boolean): void {
    if (this.selection) this.selection = moveSelection(this.selection, over, isOwn);
  }

  /** True if the others have to be told. */
  get isNews(): boolean {
    return (
      this.#changed ||
      this.#shown?.anchor !== this.selection?.anchor ||
      this.#shown?.focus !== this.selection?.focus
    );
  }

  told(): void {
    this.#shown = this.selection;
    this.#changed = false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Another application's mistake; who is here is still worth knowing.
    return undefined;
  }
}
