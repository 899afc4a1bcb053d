// What the tests are given: a server, and people, each with a browser of their own.
import { test as base, expect, type Browser, type BrowserContext, type BrowserContextOptions } from "@playwright/test";
import { BreakingProxy, type Breaking } from "../../../clients/typescript/tests/support/breaking-proxy.js";
import { Cluster } from "./cluster.js";
import { Person } from "./person.js";
import { Server } from "./server.js";

export interface Fixtures {
  /** Two gateways behind NGINX. Name it before `meet`, so that it is there until everybody has left. */
  cluster: Cluster;
  /** A network before the server (another one if its address is given) that does this to WebSockets. */
  network: (breaking: Breaking | undefined, url?: string) => Promise<BreakingProxy>;
  /** Lets somebody in, with a name, a colour and a browser of their own; to the server, or where `url` leads. */
  meet: (name: string, options?: BrowserContextOptions, url?: string) => Promise<Person>;
  /** A server that no other test uses: it can be killed. */
  ownServer: Server;
}

export const test = base.extend<Fixtures, { server: Server }>({
  server: [
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],

  ownServer: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.stop();
  },

  cluster: async ({}, use) => {
    const cluster = await Cluster.start(2);
    await use(cluster);
    await cluster.stop();
  },

  network: async ({ server }, use) => {
    const networks: BreakingProxy[] = [];
    await use(async (breaking, url = server.url) => {
      const network = new BreakingProxy(url, breaking);
      await network.start();
      networks.push(network);
      return network;
    });
    await Promise.all(networks.map((network) => network.stop()));
  },

  meet: async ({ browser, server }, use) => {
    const people: Person[] = [];
    await use(async (name, options, url = server.url) => {
      const person = await Person.enter(await room(browser, options), name, url);
      people.push(person);
      return person;
    });
    const faults = people.flatMap((person) => person.faults.map((fault) => `${person.name}: ${fault}`));
    await Promise.all(people.map((person) => person.leave()));
    expect(faults, "nothing may go wrong in a page unseen").toEqual([]);
  },
});

function room(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext({ viewport: { width: 1100, height: 760 }, ...options });
}

export { expect };
