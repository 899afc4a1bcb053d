// The clock of the machine, for clients that aren't given another.
import type { Timers } from "./api.js";

export const systemTimers: Timers = {
  now: () => performance.now(),
  setTimeout: (callback, delay_ms) => setTimeout(callback, delay_ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};
