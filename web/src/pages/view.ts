// What the page of a document shows below its bar: one kind for each type of document.
import type { PresenceEntry } from "@cloudsync/client";

/** Where a view puts what it shows. */
export interface Places {
  /** Above the sheet, and always in sight. */
  readonly tools: HTMLElement;
  readonly sheet: HTMLElement;
}

export interface View {
  readonly writable: boolean;
  /** What its reader has to know all the time. */
  readonly caution?: string | undefined;
  focus(): void;
  /** Who else is here, or where, has changed. */
  present(entries: readonly PresenceEntry[]): void;
  /** Shows where somebody is; absent where nobody is anywhere. */
  goTo?(entry: PresenceEntry): void;
  /** Whether the server takes edits. */
  enable(enabled: boolean): void;
  leave(): void;
}
