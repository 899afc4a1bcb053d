// A network that breaks WebSockets, between a client and a server: plain requests get through.
import { createHash } from "node:crypto";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What it does to a WebSocket: says no, says nothing, or cuts it off, at once or behind the server's first message. */
export type Breaking = "refuses" | "swallows" | "cuts" | "cuts later";

export class BreakingProxy {
  /** Undefined: it lets WebSockets through, too. */
  breaking: Breaking | undefined;
  /** Answers are passed on when they are complete, so that no stream gets through. */
  holdsStreams = false;
  upgrades = 0;
  requests: string[] = [];
  readonly #target: URL;
  readonly #server: Server = createServer((incoming, outgoing) => this.#pass(incoming, outgoing));
  readonly #sockets = new Set<Duplex>();

  constructor(target: string, breaking: Breaking | undefined) {
    this.#target = new URL(target);
    this.breaking = breaking;
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
    this.#server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => this.#upgrade(incoming, socket));
  }

  get url(): string {
    return `ws://localhost:${(this.#server.address() as AddressInfo).port}${this.#target.pathname}`;
  }

  /** Where a page is that comes through it. */
  get origin(): string {
    return new URL(this.url.replace(/^ws/, "http")).origin;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "localhost", resolve));
  }

  /** Cuts everything that goes through it. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const stopped = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await stopped;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.requests.push(`${incoming.method} ${incoming.headers.accept ?? ""}`);
    const passed = this.#request(incoming);
    passed.on("response", (answer) => {
      const parts: Buffer[] = [];
      const { "transfer-encoding": _, ...headers } = answer.headers;
      if (!this.holdsStreams) outgoing.writeHead(answer.statusCode!, headers).flushHeaders();
      answer.on("data", (part: Buffer) => (this.holdsStreams ? parts.push(part) : outgoing.write(part)));
      answer.on("end", () => (this.holdsStreams ? outgoing.writeHead(answer.statusCode!, headers).end(Buffer.concat(parts)) : outgoing.end()));
      answer.on("error", () => outgoing.destroy());
    });
    passed.on("error", () => outgoing.destroy());
    outgoing.on("close", () => passed.destroy());
    incoming.pipe(passed);
  }

  #request({ method, url, headers }: IncomingMessage): ReturnType<typeof request> {
    const { hostname, port } = this.#target;
    return request({ hostname, port, method, path: url, headers });
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex): void {
    this.upgrades++;
    if (this.breaking === "refuses") return void socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
    if (this.breaking === "swallows") return;
    if (this.breaking === "cuts") {
      const hash = createHash("sha1").update(`${incoming.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      const accepted = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${hash.digest("base64")}`;
      return void socket.end(`HTTP/1.1 101 Switching Protocols\r\n${accepted}\r\n\r\n`);
    }
    const passed = this.#request(incoming);
    passed.on("upgrade", (answer, upstream, head) => {
      this.#keep(upstream);
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join("\r\n")}\r\n\r\n`);
      socket.write(head);
      socket.pipe(upstream);
      // The server says nothing before it was greeted, so that this is a message.
      if (this.breaking === "cuts later") upstream.once("data", (message: Buffer) => socket.end(message, () => socket.destroy()));
      else upstream.pipe(socket);
    });
    passed.on("error", () => socket.destroy());
    passed.end();
  }
}
