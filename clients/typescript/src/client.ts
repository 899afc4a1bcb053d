// One connection to a server, and the documents that are open on it.
import { CollaborativeDocument } from "./document.js";
import type { Reason } from "./errors.js";
import { Events } from "./events.js";

/** Who is typing, as others see it. `color` is "#rrggbb". */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly color: string;
}

/** How the connection is. */
export interface ConnectionState {
  readonly kind: "connecting" | "live" | "offline" | "refused";
  /** Edits, over all documents, that the server has not acknowledged yet. */
  readonly unsaved: number;
  /** Offline: when the next attempt is made. Absent after close(). */
  readonly retryInMs?: number;
  /** Refused: why. The client won't try again by itself. */
  readonly reason?: Reason;
}

export interface ClientOptions {
  /** Where the server listens, for example "wss://example.org/sync". */
  readonly url: string;
  readonly user: User;
  /** A credential, for servers that ask for one. */
  readonly token?: string;
  /** The class to connect with; default the global one. In Node 20: that of the `ws` package. */
  readonly WebSocket?: unknown;
  /** Decimal, 1 to 2^64 - 1; default random. */
  readonly clientId?: string;
}

export class CloudSyncClient {
  readonly #events = new Events<{ state: [ConnectionState] }>();

  constructor(readonly options: ClientOptions) {}

  get clientId(): string {
    throw new Error("not built yet");
  }

  get state(): ConnectionState {
    throw new Error("not built yet");
  }

  on(name: "state", listener: (state: ConnectionState) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Opens a document; the same object as long as it is open. */
  open(documentId: string): CollaborativeDocument {
    return new CollaborativeDocument(documentId);
  }

  /** Gives the user another name or colour. */
  setUser(_user: User): void {
    throw new Error("not built yet");
  }

  /** Tries again now instead of waiting, also after a refusal. */
  reconnect(): void {
    throw new Error("not built yet");
  }

  /** Closes the connection and every document. */
  close(): void {
    throw new Error("not built yet");
  }
}
