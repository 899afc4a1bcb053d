// The server program, in a process of its own, with its own data.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { Api } from "./api.js";

const root = resolve(import.meta.dirname, "../../..");
const program = process.env["CLOUDSYNC_SERVER"] ??
  join(root, "src/CloudSync.Server/bin/Release/net10.0/CloudSync.Server");

export class Server extends Api {
  #process: ChildProcess | undefined;
  #url = "";

  private constructor(private readonly data: string) {
    super();
  }

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
