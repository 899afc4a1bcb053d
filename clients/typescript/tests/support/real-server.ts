// The real server for the tests of a describe block, and the clients that they connect to it, which end with each test.
import { afterAll, afterEach, beforeAll } from "vitest";
import WebSocket from "ws";
import type { ClientOptions } from "../../src/api.js";
import { CloudSyncClient } from "../../src/client.js";
import { ServerProcess } from "./server-process.js";

export interface RealServer {
  readonly process: ServerProcess;
  /** Connects somebody to the server, or where the options say. */
  connect(name: string, options?: Partial<ClientOptions>): CloudSyncClient;
  /** Those of this test. */
  readonly clients: readonly CloudSyncClient[];
  /** Ends the clients before the end of the test. */
  closeClients(): void;
  /** Creates a document and returns its id. */
  create(type?: string): Promise<string>;
}

/** To be called where a describe block begins. */
export function useRealServer(): RealServer {
  let process: ServerProcess;
  const clients: CloudSyncClient[] = [];
  const closeClients = (): void => clients.splice(0).forEach((client) => client.close());

  beforeAll(async () => {
    process = new ServerProcess();
    await process.start();
  });
  afterEach(closeClients);
  afterAll(() => process?.dispose());

  return {
    get process() {
      return process;
    },
    clients,
    closeClients,
    connect(name, options = {}) {
      const client = new CloudSyncClient({ url: process.url, user: { id: name, name, color: "#336699" }, WebSocket, ...options });
      clients.push(client);
      return client;
    },
    create: async (type = "rich-text") => (await process.request("POST", "/documents", { type, title: "A title" })).id,
  };
}
