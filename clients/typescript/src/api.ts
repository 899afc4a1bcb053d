// What applications meet besides the client and its documents: options, states, events.
import type Delta from "quill-delta";
import type { Reason, RefusedError } from "./errors.js";

/** Who is typing, as others see it. */
export interface User {
  /** Stable for one person over all his devices; may be empty. */
  readonly id: string;
  readonly name: string;
  /** "#rrggbb". */
  readonly color: string;
}

/** How the connection is. */
export interface ConnectionState {
  readonly kind: "connecting" | "live" | "offline" | "refused";
  /** Edits, over all documents, that the server has not acknowledged yet. */
  readonly unsaved: number;
  /** Offline: when the next attempt is made. Absent after close(). */
  readonly retryInMs?: number;
  /** Refused: why. The client doesn't try again by itself; reconnect() does. */
  readonly reason?: Reason;
}

/** What the client uses of a WebSocket; the browser's and that of the `ws` package have it. */
export interface WebSocketLike {
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** A clock in milliseconds, and its timers. */
export interface Timers {
  now(): number;
  setTimeout(callback: () => void, delay_ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

export interface ClientOptions {
  /** Where the server listens, for example "wss://example.org/sync". */
  readonly url: string;
  readonly user: User;
  /**
   * A credential, for servers that ask for one. A function is asked for a new one at each connection, and before the one
   * that it gave ends, if the server says when.
   */
  readonly token?: string | (() => string | Promise<string>);
  /**
   * How to connect. "auto", the default: over a WebSocket, and where the network breaks those over plain requests, which are
   * answered by streams of events ("sse") or one by one ("polling").
   */
  readonly transport?: "auto" | "websocket" | "sse" | "polling";
  /**
   * The class of WebSockets; default the global one. In Node 20: that of the `ws` package; without it the client uses plain
   * requests there.
   */
  readonly WebSocket?: new (url: string) => WebSocketLike;
  /** Decimal, 1 to 2^64 - 1; default random. Never use one twice. */
  readonly clientId?: string;
  readonly timers?: Timers;
  /** From 0 up to 1; for the jitter of waiting times. */
  readonly random?: () => number;
  /** How many steps of each document can be undone; default 100, 0 for none. */
  readonly undoSteps?: number;
  /** Edits that are further apart are never one step; default 1,000. */
  readonly undoPauseMs?: number;
}

/** How a document is. */
export interface DocumentState {
  readonly kind: "connecting" | "live" | "offline" | "refused" | "closed";
  /** Edits that the server has not acknowledged yet. */
  readonly unsaved: number;
  /** Refused: why. */
  readonly reason?: Reason;
}

/** Where a change of what the editor shows comes from. */
export interface ChangeOrigin {
  /** "remote": others' edits, or that an edit of the user's was refused. "undo", "redo": the user, through the document. */
  readonly source: "remote" | "undo" | "redo";
  /** Of an undo or redo: what is to be selected then; absent if the editor has never told a selection. */
  readonly selection?: Selection;
}

/** Whether there is something to undo and to redo. */
export interface UndoState {
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** The events of a document and what their listeners are given. */
export interface DocumentEvents<Operation = Delta, Content = Delta> {
  /** Edits that the editor doesn't show yet, to be applied to what it shows. */
  change: [operation: Operation, origin: ChangeOrigin];
  /** Forget what the editor shows and show this. The first one comes when the document was opened. */
  reset: [content: Content];
  /** What can be undone or redone has changed. */
  undo: [state: UndoState];
  presence: [entries: readonly PresenceEntry[]];
  /** The document has another title. */
  renamed: [title: string];
  /** Edits of one's own that the server will never take. They are not in the content any more. */
  refused: [operation: Operation, error: RefusedError];
  state: [state: DocumentState];
}

/** Positions in UTF-16 code units; the caret is at `focus`, and `anchor` is where the selection was begun. */
export interface Selection {
  readonly anchor: number;
  readonly focus: number;
}

/** What another session shows. */
export interface PresenceEntry {
  /** Decimal. */
  readonly clientId: string;
  readonly user: User;
  readonly selection?: Selection;
  /** Whatever its application gave to setPresenceState. */
  readonly state?: unknown;
}
