// A clock that moves only when the test says so.
import type { Timers } from "../../src/api.js";

export class VirtualTime implements Timers {
  #now = 0;
  #next = 1;
  #timers = new Map<number, { at: number; callback: () => void }>();

  readonly now = (): number => this.#now;

  setTimeout(callback: () => void, delay_ms: number): number {
    this.#timers.set(this.#next, { at: this.#now + delay_ms, callback });
    return this.#next++;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Time goes by and no timer runs, as when a machine sleeps. */
  sleep(duration_ms: number): void {
    this.#now += duration_ms;
  }

  /** Runs everything that falls due, in order, up to `duration_ms` from now. */
  advance(duration_ms: number): void {
    const end = this.#now + duration_ms;
    for (;;) {
      let first: [number, { at: number; callback: () => void }] | undefined;
      for (const entry of this.#timers) if (entry[1].at <= end && (!first || entry[1].at < first[1].at)) first = entry;
      if (first === undefined) break;
      this.#timers.delete(first[0]);
      this.#now = Math.max(this.#now, first[1].at);
      first[1].callback();
    }
    this.#now = end;
  }
}
