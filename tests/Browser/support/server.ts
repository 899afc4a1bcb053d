// The server program, in a process of its own, with its own data.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const root = resolve(import.meta.dirname, "../../..");
const program = process.env["CLOUDSYNC_SERVER"] ??
  join(root, "src/CloudSync.Server/bin/Release/net10.0/CloudSync.Server");

export interface Op {
  insert?: string | Record<string, unknown>;
  retain?: number;
  delete?: number;
  attributes?: Record<string, unknown>;
}

export interface DocumentRecord {
  id: string;
  title: string;
  version: number;
}

export class Server {
  #process: ChildProcess | undefined;
  #url = "";

  private constructor(private readonly data: string) {}

  /** Starts a server with empty data on a free port. */
  static async start(): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "cloudsync-browser-")));
    await server.#run(0);
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** Ends the process as a power cut would: it gets no chance to do anything. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const gone = once(process, "exit");
    process.kill("SIGKILL");
    await gone;
  }

  /** Starts it again after kill(), on the same port and data. */
  async startAgain(): Promise<void> {
    await this.#run(Number(new URL(this.#url).port));
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.data, { recursive: true, force: true });
  }

  async create(document: { title?: string; type?: string; content?: Op[] } = {}): Promise<DocumentRecord> {
    const { title = "Test", type = "rich-text", content = [{ insert: "\n" }] } = document;
    return await this.#json("POST", "/api/documents", {
      title, type, ...(content.length > 0 && { content: { ops: content } }),
    }) as DocumentRecord;
  }

  /** A document of JSON. */
  async createJson(content: unknown, title = "Test"): Promise<DocumentRecord> {
    return await this.#json("POST", "/api/documents", { title, type: "json", content }) as DocumentRecord;
  }

  async rename(id: string, title: string): Promise<void> {
    await this.#json("PATCH", `/api/documents/${id}`, { title });
  }

  async record(id: string): Promise<DocumentRecord> {
    return await this.#json("GET", `/api/documents/${id}`) as DocumentRecord;
  }

  /** Edits a document, as another program would. */
  async edit(id: string, ops: Op[]): Promise<void> {
    await this.#json("POST", `/api/documents/${id}/operations`, { delta: { ops } });
  }

  /** Edits a document of JSON, as another program would. */
  async editJson(id: string, operation: readonly object[]): Promise<void> {
    await this.#json("POST", `/api/documents/${id}/operations`, { operation });
  }

  async remove(id: string): Promise<void> {
    await this.#json("DELETE", `/api/documents/${id}`);
  }

  /** The document as the server exports it. */
  async content(id: string): Promise<Op[]> {
    return (await this.#json("GET", `/api/documents/${id}/export?format=delta`) as { ops: Op[] }).ops;
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.#url + path, {
      method,
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : await response.json();
  }

  async #run(port: number): Promise<void> {
    const child = spawn(program, ["--port", String(port), "--data", this.data, "--web", join(root, "web/dist")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    this.#url = await new Promise<string>((found, failed) => {
      child.on("error", failed);
      child.on("exit", (code) => failed(new Error(`The server ended with ${code} before it was ready: ${said}`)));
      createInterface(child.stdout).on("line", (line) => {
        said += `${line}\n`;
        const [url] = /https?:\/\/[^\s/]+/.exec(line.includes("is running at") ? line : "") ?? [];
        if (url) found(url);
      });
    });
  }
}
