// Which way the client connects: over a WebSocket, or over plain requests where the network breaks WebSockets.
//
// A WebSocket is tried first. When two in a row have ended before the server said anything, or one has brought nothing within
// its time, plain requests are tried at once, so that a server which is merely down isn't taken for a broken network: it would
// have to come up between the two. The same when three in a row were cut off within ten seconds after the server's welcome: some
// let a WebSocket begin and look at it then. What has worked is kept to for a minute; then a WebSocket is tried beside the
// connection, and if it holds the client moves. If not, it is tried again after twice the time, an hour at the most.
import type { ClientOptions, Timers, WebSocketLike } from "./api.js";
import { PolledSocket } from "./polled-socket.js";

const FAILURES_MAX = 2;
const CUTS_MAX = 3;
// A WebSocket that has lasted as long after the welcome works.
const HOLDS_MS = 10_000;
const RETRY_MS_FIRST = 60_000;
const RETRY_MS_MAX = 3_600_000;
// Some cut a WebSocket off after the handshake.
const TRIAL_MS = 2_000;

type Kind = "websocket" | "polled";

/** How a connection came to its end: cut off by whatever there is on the way; given up since it took too long; or told so. */
export type ConnectionEnd = "cut" | "late" | "told";

export class Transports {
  readonly #name: NonNullable<ClientOptions["transport"]>;
  readonly #timers: Timers;
  readonly #open: Readonly<Record<Kind, (url: string) => WebSocketLike>>;
  readonly #hasWebSocket: boolean;
  #kind: Kind = "websocket";
  // Of the connection there is.
  #url = "";
  #heard = false;
  #welcomedAt: number | undefined;
  // WebSockets in a row that have failed, those that were cut off too soon, and connections over plain requests that have failed.
  #failures = 0;
  #cuts = 0;
  #failuresPolled = 0;
  #usePolled = false;
  // Until then plain requests are what works.
  #polledUntil = -Infinity;
  #retry_ms = RETRY_MS_FIRST;
  #trial: WebSocketLike | undefined;
  #trialTimer: unknown;

  constructor(options: ClientOptions, timers: Timers, open?: Readonly<Record<Kind, (url: string) => WebSocketLike>>) {
    this.#name = options.transport ?? "auto";
    this.#timers = timers;
    const Class = options.WebSocket ?? globalThis.WebSocket;
    const polls = this.#name === "sse" ? "streams" : this.#name === "polling" ? "single" : "either";
    this.#hasWebSocket = open !== undefined || Class !== undefined;
    this.#open = open ?? {
      websocket: (url) => new Class(url),
      polled: (url) => new PolledSocket(url, { fetch: (input, init) => fetch(input, init), timers, polls }),
    };
  }

  /** Connects in the way that is due. */
  connect(url: string): WebSocketLike {
    this.#url = url;
    this.#heard = false;
    this.#welcomedAt = undefined;
    this.#kind = this.#isPolledDue() ? "polled" : "websocket";
    return this.#open[this.#kind](url);
  }

  /** The server has said something on the connection there is. */
  heard(): void {
    this.#heard = true;
  }

  /** The connection works. `move` is called when the client should leave it for a better one. */
  welcomed(move: () => void): void {
    this.#welcomedAt = this.#timers.now();
    if (this.#name !== "auto" || !this.#hasWebSocket) return;
    this.#failures = this.#failuresPolled = 0;
    this.#usePolled = false;
    if (this.#kind === "websocket") {
      this.#polledUntil = -Infinity;
      return;
    }
    // One more that fails is enough.
    this.#failures = FAILURES_MAX - 1;
    this.#cuts = CUTS_MAX - 1;
    this.#polledUntil = Math.max(this.#polledUntil, this.#timers.now() + this.#retry_ms);
    this.#trialTimer = this.#timers.setTimeout(() => this.#try(move), this.#polledUntil - this.#timers.now());
  }

  /** The connection has ended. True: the other way is to be tried at once. */
  ended(end: ConnectionEnd): boolean {
    this.#stopTrial();
    if (this.#name !== "auto" || !this.#hasWebSocket) return false;
    if (this.#kind === "polled") {
      if (this.#welcomedAt !== undefined) return false;
      this.#usePolled = false;
      if (++this.#failuresPolled >= FAILURES_MAX) this.#polledUntil = -Infinity;
      return false;
    }
    if (this.#welcomedAt !== undefined) return this.#endedOpen(end, this.#timers.now() - this.#welcomedAt);
    if (this.#heard || end === "told") return false;
    this.#failures++;
    this.#usePolled = end === "late" || this.#failures >= FAILURES_MAX;
    if (this.#usePolled) this.#failures = FAILURES_MAX;
    return this.#usePolled;
  }

  /** Nothing that was learned holds any more: it may be another network. */
  forget(): void {
    this.#failures = this.#failuresPolled = this.#cuts = 0;
    this.#usePolled = false;
    this.#polledUntil = -Infinity;
    this.#retry_ms = RETRY_MS_FIRST;
  }

  #endedOpen(end: ConnectionEnd, lasted_ms: number): boolean {
    if (lasted_ms >= HOLDS_MS) this.forget();
    else if (end !== "told") this.#usePolled = ++this.#cuts >= CUTS_MAX;
    return this.#usePolled;
  }

  #isPolledDue(): boolean {
    if (this.#name !== "auto") return this.#name !== "websocket";
    return !this.#hasWebSocket || this.#usePolled || this.#timers.now() < this.#polledUntil;
  }

  #try(move: () => void): void {
    const trial = this.#open.websocket(this.#url);
    this.#trial = trial;
    const isCurrent = (): boolean => this.#trial === trial;
    const end = (): void => {
      if (!isCurrent()) return;
      this.#stopTrial();
      this.#retry_ms = Math.min(RETRY_MS_MAX, 2 * this.#retry_ms);
      this.#polledUntil = this.#timers.now() + this.#retry_ms;
      this.#trialTimer = this.#timers.setTimeout(() => this.#try(move), this.#retry_ms);
    };
    trial.onerror = () => {};
    trial.onclose = end;
    trial.onopen = () => {
      if (!isCurrent()) return;
      this.#timers.clearTimeout(this.#trialTimer);
      this.#trialTimer = this.#timers.setTimeout(() => {
        this.#stopTrial();
        // Should it fail all the same, that is one try more.
        this.#retry_ms = Math.min(RETRY_MS_MAX, 2 * this.#retry_ms);
        this.#polledUntil = -Infinity;
        move();
      }, TRIAL_MS);
    };
    this.#trialTimer = this.#timers.setTimeout(end, 5 * TRIAL_MS);
  }

  #stopTrial(): void {
    this.#timers.clearTimeout(this.#trialTimer);
    const trial = this.#trial;
    this.#trial = undefined;
    trial?.close();
  }
}
