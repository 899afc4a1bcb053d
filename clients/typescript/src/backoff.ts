// How long to wait before trying again: a random time ("full jitter"), so that clients which lost the same server don't all come
// back at the same moment, up to a bound that grows by the same each time. So it grows with the square root of how long the
// server has been away. One that doubles grows as fast as that, and the last to come back wait longer than the server was away.

const STEP_MS = 250;
const DELAY_MS_MAX = 30_000;
const FORGET_MS = 2_000;

export class Backoff {
  #attempts = 0;

  /** `random` returns numbers from 0 up to 1. */
  constructor(readonly random: () => number) {}

  /** Between nothing and a bound that is 250 ms longer with each call, up to 30 s. */
  next(): number {
    this.#attempts++;
    return this.random() * Math.min(DELAY_MS_MAX, STEP_MS * this.#attempts);
  }

  /** What was waited for held for a while: each 2 s of it take one attempt back. */
  forget(lasted_ms: number): void {
    this.#attempts = Math.max(0, this.#attempts - Math.floor(lasted_ms / FORGET_MS));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
