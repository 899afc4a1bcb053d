// The real server as a process of its own: started, killed, started again on the same data and port.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program =
  process.env["CLOUDSYNC_SERVER"] ??
  join(import.meta.dirname, "../../../../src/CloudSync.Server/bin/Release/net10.0/CloudSync.Server");

/** False if the server has not been built (`dotnet build src/CloudSync.Server -c Release`). */
export const isServerBuilt = existsSync(program);

export class ServerProcess {
  readonly #data = mkdtempSync(join(tmpdir(), "cloudsync-ts-"));
  #process: ChildProcess | undefined;
  #port = "0";

  get url(): string {
    return `ws://localhost:${this.#port}/sync`;
  }

  async start(): Promise<void> {
    const child = spawn(program, ["--port", this.#port, "--data", this.#data], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    let errors = "";
    child.stderr.on("data", (text) => (errors = (errors + text).slice(-4_000)));
    for await (const line of createInterface(child.stdout)) {
      const port = /^CloudSync is running at http:\/\/[^:]+:(\d+)/.exec(line)?.[1];
      if (port === undefined) continue;
      this.#port = port;
      child.stdout.resume();
      return;
    }
    throw new Error(`The server did not start: ${errors}`);
  }

  /** Ends it as a power failure would. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => child.once("exit", resolve).kill("SIGKILL"));
  }

  async request(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(`http://localhost:${this.#port}/api${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}
