// Who else is in a document, and where: kept right between presence messages by moving selections over edits.
//
// The rule is everybody's, the server's too: an author's own operation moves his selection with it (an insert at the
// caret pushes it), everybody else's selection stays before what is inserted exactly there.
import { create } from "@bufbuild/protobuf";
import type { PresenceEntry, Selection, User } from "./api.js";
import type { Connection } from "./connection.js";
import type { DocumentType } from "./document-type.js";
import { SetPresenceSchema, type PresenceChanged } from "./generated/cloudsync/v1/presence_pb.js";

export function moveSelection<Operation>(
  type: DocumentType<Operation, any>,
  selection: Selection,
  over: Operation,
  byItsAuthor: boolean,
): Selection {
  const move = (position: number): number => type.movePosition(position, over, byItsAuthor ? "right" : "left");
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
  move<Operation>(type: DocumentType<Operation, any>, over: Operation, author: bigint): void {
    for (const [clientId, entry] of this.#entries)
      if (entry.selection) {
        const selection = moveSelection(type, entry.selection, over, clientId === author);
        this.#entries.set(clientId, { ...entry, selection });
      }
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The entries as the user sees them, with his pending operations on top of what is committed. */
  entries<Operation>(
    type: DocumentType<Operation, any>,
    pending: readonly Operation[],
    length: number,
  ): readonly PresenceEntry[] {
    return [...this.#entries.values()].map((entry) => {
      if (!entry.selection) return entry;
      const { anchor, focus } = pending.reduce((at, over) => moveSelection(type, at, over, false), entry.selection);
      return { ...entry, selection: { anchor: Math.min(anchor, length), focus: Math.min(focus, length) } };
    });
  }
}

// A selection that is being dragged is sent this often.
const PRESENCE_INTERVAL_MS = 50;

/** What this session shows, and what the others have of it. */
export class OwnPresence {
  selection: Selection | undefined;
  // JSON, or empty.
  #state = "";
  #user: User | undefined;
  // What the others take the selection to be, they too moving it over edits.
  #shown: Selection | undefined;
  #changed = false;
  #delay: (() => void) | undefined;

  constructor(
    readonly documentId: string,
    readonly connection: Connection,
  ) {}

  /** @throws {RangeError} It is larger than the server takes. */
  setState(state: unknown): void {
    const json = state === undefined ? "" : JSON.stringify(state);
    const limit = this.connection.limits?.presenceBytes ?? 0;
    if (limit > 0 && new TextEncoder().encode(json).length > limit)
      throw new RangeError(`A presence state takes at most ${limit} bytes.`);
    this.#state = json;
    this.#changed = true;
  }

  setUser(user: User): void {
    this.#user = user;
    this.#changed = true;
  }

  /**
   * There is a new session, of which the others know only the user; or, if this client has been here before, still what it
   * showed then, until they are told otherwise.
   */
  begin(hasBeenHere: boolean): void {
    this.#shown = undefined;
    this.#changed = hasBeenHere || this.#state !== "";
  }

  /** The session is over. */
  end(): void {
    this.#delay?.();
    this.#delay = undefined;
  }

  /** Tells the others what is new, if anything is; `again` is called when more may be told. */
  show(version: number, again: () => void): void {
    if (!this.#isNews || this.#delay) return;
    this.#shown = this.selection;
    this.#changed = false;
    const value = create(SetPresenceSchema, {
      documentId: this.documentId,
      version: BigInt(version),
      ...(this.selection && { selection: this.selection }),
      state: this.#state,
      ...(this.#user && { user: this.#user }),
    });
    this.connection.send({ case: "setPresence", value });
    this.#user = undefined;
    this.#delay = this.connection.after(PRESENCE_INTERVAL_MS, () => {
      this.#delay = undefined;
      again();
    });
  }

  /** Moves what the others see over a committed operation. */
  moveShown<Operation>(type: DocumentType<Operation, any>, over: Operation, isOwn: boolean): void {
    if (this.#shown) this.#shown = moveSelection(type, this.#shown, over, isOwn);
  }

  /** Moves the user's selection over a change of what he sees. */
  moveSelection<Operation>(type: DocumentType<Operation, any>, over: Operation, isOwn: boolean): void {
    if (this.selection) this.selection = moveSelection(type, this.selection, over, isOwn);
  }

  get #isNews(): boolean {
    return (
      this.#changed ||
      this.#shown?.anchor !== this.selection?.anchor ||
      this.#shown?.focus !== this.selection?.focus
    );
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
