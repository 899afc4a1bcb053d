// How long to wait before trying again: exponential backoff with full jitter, so that clients which lost the same
// server don't all come back at the same moment.

const DELAY_MS_FIRST = 250;
const DELAY_MS_MAX = 30_000;

export class Backoff {
  #attempts = 0;

  /** `random` returns numbers from 0 up to 1. */
  constructor(readonly random: () => number) {}

  /** Between nothing and a bound that doubles with each call, up to 30 s. */
  next(): number {
    const bound = Math.min(DELAY_MS_MAX, DELAY_MS_FIRST * 2 ** this.#attempts);
    this.#attempts++;
    return this.random() * bound;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
