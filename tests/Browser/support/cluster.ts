// A whole cluster behind NGINX, as `./cloudsync cluster up` starts it.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { get, Agent } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Api } from "./api.js";

const root = resolve(import.meta.dirname, "../../..");
const program = process.env["CLOUDSYNC_CLUSTER"] ??
  join(root, "src/CloudSync.Cluster/bin/Release/net10.0/CloudSync.Cluster");
const server = process.env["CLOUDSYNC_SERVER"] ??
  join(root, "src/CloudSync.Server/bin/Release/net10.0/CloudSync.Server");

const forbidden = 403;
// The old workers of NGINX take connections for a moment beside the new ones.
const answersInARow = 20;

export class Cluster extends Api {
  readonly #port: number;
  #configuration = "";

  private constructor(private readonly folder: string, port: number) {
    super();
    this.#port = port;
  }

  static async start(gateways: number): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), "cloudsync-browser-cluster-"));
    // PostgreSQL runs as a user of its own, who has to get to its folder.
    await chmod(folder, 0o711);
    const cluster = new Cluster(folder, await freePort());
    try {
      await cluster.#run("up", "--gateways", String(gateways), "--port", String(cluster.#port));
      cluster.#configuration = await readFile(cluster.#configurationFile, "utf8");
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** From now on NGINX refuses WebSockets, or lets them through again. Those that there are stay. */
  async refuseWebSockets(refuses: boolean): Promise<void> {
    const place = "location ~* ^/sync/?$ {";
    if (this.#configuration.split(place).length !== 2) throw new Error(`'${place}' is not in NGINX's configuration.`);
    const refusing = this.#configuration.replace(place, `${place}\n            return ${forbidden};`);
    const file = this.#configurationFile;
    await writeFile(`${file}.new`, refuses ? refusing : this.#configuration);
    await rename(`${file}.new`, file);
    process.kill(Number(await readFile(join(this.folder, "nginx/nginx.master.pid"), "utf8")), "SIGHUP");
    for (let seen = 0; seen < answersInARow;) seen = (await this.#askForWebSocket()) === forbidden === refuses ? seen + 1 : 0;
  }

  async stop(): Promise<void> {
    await this.#run("down", "--delete-data");
    await rm(this.folder, { recursive: true, force: true });
  }

  get #configurationFile(): string {
    return join(this.folder, "nginx/nginx.conf");
  }

  // On a connection of its own; what a gateway answers without an upgrade is something else than forbidden.
  #askForWebSocket(): Promise<number> {
    return new Promise((answered, failed) => {
      get(`${this.url}/sync`, { agent: new Agent({ keepAlive: false }) }, (answer) => {
        answer.resume();
        answered(answer.statusCode!);
      }).on("error", failed);
    });
  }

  async #run(...args: string[]): Promise<void> {
    await promisify(execFile)(program, [...args, "--data", this.folder], {
      env: { ...process.env, CLOUDSYNC_SERVER: server, CLOUDSYNC_WEB: join(root, "web/dist") },
    });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((listening) => probe.listen(0, "127.0.0.1", listening));
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));
  return port;
}
