// Who else is in a document, and where: kept right between presence messages by moving selections over edits.
import type { User } from "./client.js";

/** Positions in UTF-16 code units; the caret is at `focus`. */
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
  /** Whatever the application gave to setPresenceState. */
  readonly state?: unknown;
}
