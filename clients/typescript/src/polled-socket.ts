// A connection over plain HTTP requests, for networks that break WebSockets; to the client it is a WebSocket. docs/protocol.md,
// "Without WebSockets", says what is asked and answered.
//
// Frames are posted one after another, each with a number. A poll waits for what the server has to say, as a stream of events or
// as a single answer; either way the next one goes on where it ended, so that a network that cuts streams costs nothing but that.
import type { Timers, WebSocketLike } from "./api.js";
import { EventReader, type ServerEvent } from "./event-reader.js";

export interface PollingOptions {
  readonly fetch: typeof fetch;
  readonly timers: Timers;
  /** Whether polls are streams, and whether they may also be single answers if the network lets no stream through. */
  readonly polls: "streams" | "single" | "either";
}

/** What `onclose` gets. */
export interface SocketClosed {
  readonly code: number;
  readonly reason: string;
  /** How long the server wants to be left alone; a WebSocket can't tell. */
  readonly retryAfterMs?: number;
}

const LOST = 1006;
const UNAUTHORIZED = 4106;
// A request that fails is made again after these times; then the connection counts as lost.
const RETRIES_MS = [0, 250, 500, 1_000];
// A stream has to bring something this long after the first frame was taken, or it isn't let through.
const STREAM_PATIENCE_MS = 4_000;
const QUIET_MS_MIN = 500;
const FRUITLESS_STREAMS = 2;
// On a stream the server waits for acknowledgements when it has sent four times this much.
const ACKNOWLEDGED_BYTES = 64 * 1024;
const POSTED_BYTES = 64 * 1024;

/** The server has answered, and asking again would change nothing. */
class Ended extends Error {
  constructor(readonly closed: SocketClosed) {
    super(closed.reason);
  }
}

export class PolledSocket implements WebSocketLike {
  binaryType = "arraybuffer";
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;

  readonly #options: PollingOptions;
  readonly #url: URL;
  readonly #path: string;
  readonly #all = new AbortController();
  #poll = new AbortController();
  #key = "";
  #streams: boolean;
  #fruitless = 0;
  #watch: unknown;
  #queue: Uint8Array[] = [];
  #isPosting = false;
  #posted = 0;
  #received = 0;
  #pieces: Uint8Array[] = [];
  #unacknowledged = 0;
  #isAcknowledging = false;

  /** Connects. `url` is that of the WebSocket. */
  constructor(url: string, options: PollingOptions) {
    this.#options = options;
    this.#streams = options.polls !== "single";
    this.#url = new URL(url);
    this.#url.protocol = this.#url.protocol.replace(/^ws/, "http");
    this.#path = this.#url.pathname.replace(/\/$/, "") + "/polling";
    // All requests of a connection must get to one gateway; a load balancer goes by this.
    if (!this.#url.searchParams.has("document"))
      this.#url.searchParams.set("document", `-${Math.random().toString(36).slice(2)}`);
    void this.#run();
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(data);
    if (this.#isPosting) return;
    this.#isPosting = true;
    void this.#postAll();
  }

  close(code = 1000): void {
    if (this.#all.signal.aborted) return;
    this.#end();
    if (this.#key === "") return;
    const url = this.#address;
    url.searchParams.set("code", String(code));
    // A page that goes away may still say so.
    this.#fetch("DELETE", { url, keepalive: true, signal: null }).catch(() => {});
  }

  async #run(): Promise<void> {
    try {
      const opened = await this.#fetch("POST");
      if (opened.status !== 201) throw new Ended(closing(opened));
      this.#key = ((await opened.json()) as { key: string }).key;
      this.#url.pathname = `${this.#path}/${this.#key}`;
      this.#tell(this.onopen, {});
      while (!this.#all.signal.aborted) await this.#again(() => this.#pollOnce());
    } catch (error) {
      this.#fail(error);
    }
  }

  async #pollOnce(): Promise<void> {
    const streams = this.#streams;
    const before = this.#received;
    const began = this.#options.timers.now();
    this.#poll = new AbortController();
    const url = new URL(this.#url);
    url.searchParams.set("after", String(this.#received));
    try {
      const answer = await this.#fetch("GET", {
        url,
        headers: streams ? { accept: "text/event-stream" } : {},
        signal: this.#poll.signal,
      });
      if (answer.status !== 200 && answer.status !== 204) throw answered(answer);
      if (answer.status === 200) await this.#read(answer);
      // Whoever answers at once that there is nothing isn't asked again and again.
      if (this.#received === before && this.#options.timers.now() - began < QUIET_MS_MIN) throw new Error("An empty answer.");
    } catch (error) {
      // Another kind of poll takes its place, or it has brought something before it was cut off.
      if (this.#poll.signal.aborted || (error instanceof TypeError && this.#received !== before)) return;
      throw error;
    } finally {
      if (this.#received !== before) this.#fruitless = 0;
      else if (streams && ++this.#fruitless >= FRUITLESS_STREAMS) this.#stopStreaming();
    }
  }

  async #read(answer: Response): Promise<void> {
    // What was begun in an answer that was cut off comes again as a whole.
    const events = new EventReader();
    const decoder = new TextDecoder();
    const reader = answer.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const event of events.read(decoder.decode(value, { stream: true }))) this.#take(event);
    }
  }

  #take(event: ServerEvent): void {
    if (this.#all.signal.aborted) return;
    if (event.name === "close") {
      const [code, ...reason] = event.data.split(" ");
      throw new Ended({ code: Number(code), reason: reason.join(" ") });
    }
    if (event.id <= this.#received) return;
    if (event.id !== this.#received + 1) throw new Ended({ code: LOST, reason: "The server left something out." });
    this.#received = event.id;
    this.#options.timers.clearTimeout(this.#watch);
    const bytes = Uint8Array.from(atob(event.data), (character) => character.charCodeAt(0));
    this.#pieces.push(bytes);
    this.#unacknowledged += bytes.length;
    if (event.name === "message") {
      const frame = concatenate(this.#pieces);
      this.#pieces = [];
      this.#tell(this.onmessage, { data: frame.buffer });
    }
    if (this.#streams && this.#unacknowledged >= ACKNOWLEDGED_BYTES) void this.#acknowledge();
  }

  // Beside the frames: one of them may wait until the server has got rid of what it has to say.
  async #acknowledge(): Promise<void> {
    if (this.#isAcknowledging) return;
    this.#isAcknowledging = true;
    try {
      while (this.#unacknowledged >= ACKNOWLEDGED_BYTES && !this.#all.signal.aborted) {
        this.#unacknowledged = 0;
        await this.#again(async () => accept(await this.#fetch("POST", { headers: this.#acknowledgement })));
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isAcknowledging = false;
    }
  }

  get #acknowledgement(): Record<string, string> {
    return { "cloudsync-received": String(this.#received) };
  }

  async #postAll(): Promise<void> {
    try {
      // What is said in one go goes in one frame.
      await null;
      while (this.#queue.length > 0 && !this.#all.signal.aborted) {
        const frame = this.#nextFrame();
        const number = String(++this.#posted);
        await this.#again(async () => {
          this.#unacknowledged = 0;
          const headers = { ...this.#acknowledgement, "cloudsync-frame": number, "content-type": "application/octet-stream" };
          accept(await this.#fetch("POST", { headers, body: frame }));
        });
        if (this.#posted === 1 && this.#received === 0 && this.#options.polls === "either")
          this.#watch = this.#options.timers.setTimeout(() => this.#stopStreaming(), STREAM_PATIENCE_MS);
      }
    } catch (error) {
      // Of a connection that the server has closed the poll says why.
      if (!(error instanceof Ended && error.closed.code === 0)) this.#fail(error);
    } finally {
      this.#isPosting = false;
    }
  }

  // Frames that stand behind one another are one frame.
  #nextFrame(): Uint8Array<ArrayBuffer> {
    let count = 0;
    let bytes = 0;
    do bytes += this.#queue[count++]!.length;
    while (count < this.#queue.length && bytes + this.#queue[count]!.length <= POSTED_BYTES);
    return concatenate(this.#queue.splice(0, count));
  }

  // A request that the network or something on the way has failed is made again.
  async #again(request: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await request();
      } catch (error) {
        const delay_ms = RETRIES_MS[attempt];
        if (error instanceof Ended || delay_ms === undefined || this.#all.signal.aborted) throw error;
        await new Promise<void>((resolve) => this.#options.timers.setTimeout(resolve, delay_ms));
      }
    }
  }

  #fetch(
    method: string,
    { url = this.#address, headers = {}, ...rest }: RequestInit & { url?: URL; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const { fetch } = this.#options;
    return fetch(url, { method, headers, cache: "no-store", credentials: "include", signal: this.#all.signal, ...rest });
  }

  get #address(): URL {
    const url = new URL(this.#url);
    if (this.#key === "") url.pathname = this.#path;
    return url;
  }

  #stopStreaming(): void {
    if (this.#options.polls !== "either" || !this.#streams) return;
    this.#streams = false;
    this.#poll.abort();
  }

  #fail(error: unknown): void {
    if (this.#all.signal.aborted) return;
    const closed = error instanceof Ended ? error.closed : { code: LOST, reason: String(error) };
    this.#end();
    this.#tell(this.onclose, closed);
  }

  #end(): void {
    this.#options.timers.clearTimeout(this.#watch);
    this.#all.abort();
    this.#poll.abort();
  }

  // As at a WebSocket, what a listener throws is its own affair.
  #tell(listener: ((event: any) => void) | null, event: unknown): void {
    try {
      listener?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

// 0: the poll knows the code.
const POLL_TELLS = new Set([410, 413]);

function accept(answer: Response): void {
  if (POLL_TELLS.has(answer.status)) throw new Ended({ code: 0, reason: "" });
  if (answer.status !== 204) throw answered(answer);
}

// An answer that isn't the server's own may be another in a moment.
function answered(answer: Response): Error {
  const mayPass = answer.status >= 500 || answer.status === 408 || answer.status === 429;
  return mayPass ? new Error(`The server answered ${answer.status}.`) : new Ended(closing(answer));
}

function closing(answer: Response): SocketClosed {
  const reason = `The server answered ${answer.status}.`;
  const { headers } = answer;
  const retryAfter_ms = Number(headers.get("cloudsync-retry-after-ms") ?? 1_000 * Number(headers.get("retry-after")));
  if (answer.status === 401 || answer.status === 403) return { code: UNAUTHORIZED, reason };
  return { code: LOST, reason, ...(retryAfter_ms > 0 && { retryAfterMs: retryAfter_ms }) };
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
