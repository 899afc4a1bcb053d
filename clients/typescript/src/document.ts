// A document as the application sees it. What it does is in session.ts.
import type Delta from "quill-delta";
import type { DocumentEvents, DocumentState, PresenceEntry, Selection } from "./api.js";
import type { Connection } from "./connection.js";
import type { DocumentType } from "./document-type.js";
import { Events } from "./events.js";
import { Session } from "./session.js";

/** What a document is opened as. The modules for types of document export one each. */
export interface DocumentKind<D extends CollaborativeDocument<any, any>> {
  /**
   * What it may be.
   * @internal
   */
  readonly types: readonly DocumentType<any, any>[];
  /**
   * The content as long as the document isn't ready.
   * @internal
   */
  readonly nothing: D["content"];
  /** What the application gets. */
  readonly Document: new (id: string, connection: Connection, kind: DocumentKind<any>) => D;
}

/** A document of deltas, rich text or plain text, unless it says otherwise. */
export class CollaborativeDocument<Operation = Delta, Content = Delta> {
  readonly #events = new Events<DocumentEvents<Operation, Content>>();
  // How many of the refusals saved() has told of.
  #refusalsTold = 0;

  /** @internal For the client. */
  readonly session: Session<Operation, Content>;

  /** @internal */
  constructor(
    readonly id: string,
    connection: Connection,
    /** @internal */
    readonly kind: DocumentKind<CollaborativeDocument<Operation, Content>>,
  ) {
    this.session = new Session(id, connection, this.#events, kind.types);
  }

  /** Done when there is content; rejected with a RefusedError when there will be none. */
  get ready(): Promise<void> {
    return this.session.ready;
  }

  /** As the protocol names it, for example "rich-text"; empty until ready. */
  get type(): string {
    return this.session.pending?.type.name ?? "";
  }

  get title(): string {
    return this.session.title;
  }

  /** How many of the committed operations are in the content. */
  get version(): number {
    return this.session.pending?.version ?? 0;
  }

  /** What the user sees: what is committed, and his own edits on top of it. Not to be changed. */
  get content(): Content {
    return this.session.pending?.content ?? this.kind.nothing;
  }

  /** Whether edits wait for the server. */
  get unsaved(): boolean {
    return this.state.unsaved > 0;
  }

  get state(): DocumentState {
    return this.session.state;
  }

  /** Everybody else who is here, with positions in the content; empty while offline. */
  get presence(): readonly PresenceEntry[] {
    return this.session.presence;
  }

  /** How often the server had merged an own edit differently than this client; the server's merge counts. */
  get divergences(): number {
    return this.session.divergences;
  }

  /** The last thing that made this client load the document anew; for bug reports. */
  get fault(): unknown {
    return this.session.fault;
  }

  /** Adds a listener; the function it returns takes it away. */
  on<K extends keyof DocumentEvents>(
    name: K,
    listener: (...args: DocumentEvents<Operation, Content>[K]) => void,
  ): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Takes an edit that the editor shows already.
   * @throws {RangeError} It can't be expressed (half a surrogate pair, an attribute in plain text) or doesn't fit the
   * content; nothing has changed.
   * @throws {Error} The document isn't ready, or was refused or closed.
   */
  submit(operation: Operation): void {
    this.session.submit(operation);
  }

  /** Whether there is an edit of the user's own that undo() takes back. */
  get canUndo(): boolean {
    return this.session.canUndo;
  }

  /** Whether there is something that redo() puts back. */
  get canRedo(): boolean {
    return this.session.canRedo;
  }

  /**
   * Takes back the user's last edits (what was typed in one go is one step) and nobody else's. The editor is told by a
   * `change`, with what is to be selected.
   * @returns False if there is nothing to undo.
   */
  undo(): boolean {
    return this.session.turn("undo");
  }

  /** Puts back what undo() took back last, as long as nothing was edited since; false if there is nothing. */
  redo(): boolean {
    return this.session.turn("redo");
  }

  /** What is edited from now on is undone apart from what was edited before. */
  endUndoStep(): void {
    this.session.endUndoStep();
  }

  /**
   * Done when the server has acknowledged every edit; rejected when it never will: with a RefusedError if it refused one
   * of them. One that was refused before counts too, unless an earlier call has told of it: `submit` may refuse at once.
   */
  async saved(): Promise<void> {
    const told = this.#refusalsTold;
    const throwIfRefused = (): void => {
      const { refusals, refusal } = this.session;
      if (refusals === told) return;
      this.#refusalsTold = refusals;
      throw refusal;
    };
    throwIfRefused();
    while (this.unsaved) {
      const { kind, reason } = this.state;
      if (kind === "closed" || kind === "refused") throw reason ?? new Error("The document was closed.");
      await new Promise<void>((resolve) => {
        const off = this.on("state", () => (off(), resolve()));
      });
      throwIfRefused();
    }
  }

  /** Shows others where the user is; null: nowhere. It is moved by edits, his own and theirs. */
  setSelection(selection: Selection | null): void {
    this.session.setSelection(selection);
  }

  /**
   * Shows others anything that is JSON; undefined: nothing.
   * @throws {RangeError} It is larger than the server takes.
   */
  setPresenceState(state: unknown): void {
    this.session.setPresenceState(state);
  }

  /** Takes no more edits, and closes when those there are were acknowledged. */
  close(): void {
    this.session.close();
  }
}
