// What is shown of a connection: one that is away for a moment only isn't spoken of. It may be looking for another way, or moving
// to another server, and be back before anybody could read it.
import type { DocumentState } from "@cloudsync/client";

/** So long what was shown before stays; counted from when it went away, and once for all attempts until it is there again. */
export const PATIENCE_MS = 1_500;

export class Patience {
  #state: DocumentState | undefined;
  #shown: DocumentState["kind"] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** @param tell Shows a state. */
  constructor(private readonly tell: (state: DocumentState) => void) {}

  show(state: DocumentState): void {
    this.#state = state;
    const isAway = state.kind === "offline" || state.kind === "connecting";
    if (!isAway) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#isOver = false;
    } else if (!this.#isOver && this.#shown !== undefined && this.#shown !== state.kind) {
      this.#timer ??= setTimeout(() => {
        this.#isOver = true;
        this.#tell();
      }, PATIENCE_MS);
      return;
    }
    this.#tell();
  }

  #tell(): void {
    this.#shown = this.#state!.kind;
    this.tell(this.#state!);
  }
}
