// A document as the application sees it.
import type Delta from "quill-delta";
import type { Reason, RefusedError } from "./errors.js";
import { Events } from "./events.js";
import type { PresenceEntry, Selection } from "./presence.js";

/** How a document is. */
export interface DocumentState {
  readonly kind: "connecting" | "live" | "offline" | "refused" | "closed";
  /** Edits that the server has not acknowledged yet. */
  readonly unsaved: number;
  readonly reason?: Reason;
}

/** The events of a document and what their listeners are given. */
export interface DocumentEvents {
  /** Others' edits, to be applied to what the editor shows. */
  change: [delta: Delta];
  /** Forget what the editor shows and show this. The first one comes when the document was opened. */
  reset: [content: Delta];
  presence: [entries: readonly PresenceEntry[]];
  /** An edit of one's own that the server will never take. It is not in the content any more. */
  refused: [operation: Delta, error: RefusedError];
  state: [state: DocumentState];
}

export class CollaborativeDocument {
  readonly #events = new Events<DocumentEvents>();

  /** @internal */
  constructor(readonly id: string) {}

  /** Done when there is content; rejected with a RefusedError when there will be none. */
  get ready(): Promise<void> {
    throw new Error("not built yet");
  }

  /** "rich-text" or "text"; empty until ready. */
  get type(): string {
    throw new Error("not built yet");
  }

  get title(): string {
    throw new Error("not built yet");
  }

  /** How many of the committed operations are in the content. */
  get version(): number {
    throw new Error("not built yet");
  }

  /** What the user sees: what is committed, and his own edits on top of it. */
  get content(): Delta {
    throw new Error("not built yet");
  }

  get unsaved(): boolean {
    throw new Error("not built yet");
  }

  get state(): DocumentState {
    throw new Error("not built yet");
  }

  /** Everybody else who is here. */
  get presence(): readonly PresenceEntry[] {
    throw new Error("not built yet");
  }

  on<K extends keyof DocumentEvents>(name: K, listener: (...args: DocumentEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Takes an edit that the editor shows already.
   * @throws {RangeError} It can't be expressed (half a surrogate pair, an attribute in plain text); nothing changes.
   */
  submit(_delta: Delta): void {
    throw new Error("not built yet");
  }

  /** Shows others where the user is; null: nowhere. */
  setSelection(_selection: Selection | null): void {
    throw new Error("not built yet");
  }

  /** Shows others anything that is JSON. */
  setPresenceState(_state: unknown): void {
    throw new Error("not built yet");
  }

  close(): void {
    throw new Error("not built yet");
  }
}
