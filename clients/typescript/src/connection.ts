// What a document needs of its client.
import type { RefusedError } from "./errors.js";
import type { ClientMessage, Limits } from "./generated/cloudsync/v1/frame_pb.js";
import type { UndoOptions } from "./editing.js";

export interface Connection {
  readonly clientId: bigint;
  readonly kind: "connecting" | "live" | "offline" | "refused";
  readonly reason: RefusedError | undefined;
  readonly limits: Limits | undefined;
  readonly undo: UndoOptions;
  readonly random: () => number;
  /** A clock in milliseconds. */
  now(): number;
  send(body: ClientMessage["body"]): void;
  /** Calls back in `delay_ms`, unless the function it returns was called. */
  after(delay_ms: number, callback: () => void): () => void;
  /** The number of the client's last operation on a document that was open before; 0 if there is none. */
  sequence(documentId: string): number;
  /** The document is not open any more; `sequence` is the number of its last operation. */
  forget(documentId: string, sequence: number | undefined): void;
  /** The document's state changed. */
  changed(): void;
}
