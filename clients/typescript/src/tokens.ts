// The client's credential: which one the Hello says, and a newer one given to the server on the living connection.
//
// A new token waits here until the server has taken it, by its answer or by welcoming a connection whose Hello said it.
// One that the server refuses on a living connection changes nothing: the one before it counts until its own end.
import { RefusedError, refusal } from "./errors.js";
import { ErrorCode, type Error as ServerError } from "./generated/cloudsync/v1/frame_pb.js";

export type TokenSource = string | (() => string | Promise<string>);

/** What it needs of the client. */
export interface TokenConnection {
  readonly isLive: boolean;
  readonly random: () => number;
  now(): number;
  /** Calls back in `delay_ms`, unless the function it returns was called. */
  after(delay_ms: number, callback: () => void): () => void;
  authenticate(token: string): void;
}

interface Renewal {
  readonly token: string;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

// Of its life a token has this much behind it when the next is asked for: early enough to try again if that fails.
const RENEWED_AFTER = 0.7;
const RENEWED_JITTER = 0.1;
const RETRY_MS_MIN = 1_000;
// What timers can wait at the most.
const TIMER_MS_MAX = 2 ** 31 - 1;

const REFUSALS: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.TOKEN_INVALID,
  ErrorCode.TOKEN_OF_ANOTHER_USER,
  ErrorCode.TOKEN_NOT_CHECKED,
  ErrorCode.TOO_MANY_TOKENS,
]);

export class Tokens {
  #source: TokenSource;
  readonly #connection: TokenConnection;
  #waiting: Renewal[] = [];
  // The first of those that wait was sent on this connection.
  #isSent = false;
  // So many of those that wait are settled when this connection is welcomed.
  #saidInHello = 0;
  #endsAt = Infinity;
  // Why nobody answered, the last time that it was so.
  #failure: Error | undefined;
  #cancel: (() => void) | undefined;

  constructor(source: TokenSource, connection: TokenConnection) {
    this.#source = source;
    this.#connection = connection;
  }

  /** The token of the next Hello. */
  forHello(): string | Promise<string> {
    this.#saidInHello = this.#waiting.length;
    const newest = this.#waiting.at(-1);
    if (newest !== undefined) return newest.token;
    return typeof this.#source === "string" ? this.#source : Promise.resolve().then(this.#source);
  }

  /** Gives the server a token; without one, that of the function which the options have. */
  async renew(token?: string): Promise<void> {
    const before = this.#failure;
    const given = token ?? (typeof this.#source === "string" ? this.#source : await this.#source());
    // While the function was thinking.
    if (this.#failure !== before) throw this.#failure;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ token: given, resolve, reject });
      this.#proceed();
    });
  }

  /** The connection is live; the server says how long its token counts, 0 if it knows no end. */
  welcomed(validForMs: bigint): void {
    for (const renewal of this.#waiting.splice(0, this.#saidInHello)) this.#settle(renewal);
    this.#saidInHello = 0;
    this.#expectEnd(Number(validForMs));
    this.#proceed();
  }

  /** The server has taken the token that was sent. */
  taken(validForMs: bigint): void {
    if (!this.#isSent) return;
    this.#isSent = false;
    this.#settle(this.#waiting.shift()!);
    this.#expectEnd(Number(validForMs));
    this.#proceed();
  }

  /** Whether an error is about the token that was sent; it is dealt with then. */
  refuses(error: ServerError): boolean {
    const isOlder = error.code === ErrorCode.UNKNOWN_MESSAGE && this.#isSent;
    if (!isOlder && !REFUSALS.has(error.code)) return false;
    if (!this.#isSent) return true;
    this.#isSent = false;
    const text = "This server is too old to take a new token on a connection; it takes it at the next one.";
    this.#waiting.shift()!.reject(isOlder ? new RefusedError("UNKNOWN_MESSAGE", text) : refusal(error));
    this.#tryAgain();
    this.#proceed();
    return true;
  }

  /** The connection is gone: what the server has not answered, the next Hello says. */
  disconnected(): void {
    this.#isSent = false;
    this.#saidInHello = 0;
    this.#endsAt = Infinity;
    this.#cancel?.();
  }

  /** Nobody will answer. */
  fail(reason: Error): void {
    this.#failure = reason;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #settle({ token, resolve }: Renewal): void {
    if (typeof this.#source === "string") this.#source = token;
    resolve();
  }

  #proceed(): void {
    const next = this.#waiting[0];
    if (this.#isSent || next === undefined || !this.#connection.isLive) return;
    this.#isSent = true;
    this.#connection.authenticate(next.token);
  }

  #expectEnd(validFor_ms: number): void {
    this.#cancel?.();
    this.#endsAt = validFor_ms === 0 ? Infinity : this.#connection.now() + validFor_ms;
    if (validFor_ms > 0) this.#renewIn(validFor_ms * (RENEWED_AFTER + RENEWED_JITTER * this.#connection.random()));
  }

  #tryAgain(): void {
    const left_ms = this.#endsAt - this.#connection.now();
    if (left_ms > 0 && left_ms < Infinity) this.#renewIn(Math.max(RETRY_MS_MIN, left_ms / 4));
  }

  // By itself only with a function: a token that was given as such may be the last there is.
  #renewIn(delay_ms: number): void {
    if (typeof this.#source === "string") return;
    this.#cancel?.();
    this.#cancel = this.#connection.after(Math.min(delay_ms, TIMER_MS_MAX), () => {
      const endsAt = this.#endsAt;
      // A refusal has had its consequences above; here it is that the function had none to give.
      this.renew().catch((error) => !(error instanceof RefusedError) && endsAt === this.#endsAt && this.#tryAgain());
    });
  }
}
