// What the tests are given: a server, and people, each with a browser of their own.
import { test as base, expect, type Browser, type BrowserContext, type BrowserContextOptions } from "@playwright/test";
import { Person } from "./person.js";
import { Server } from "./server.js";

export interface Fixtures {
  /** Lets somebody in, with a name, a colour and a browser of their own. */
  meet: (name: string, options?: BrowserContextOptions) => Promise<Person>;
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

  meet: async ({ browser, server }, use) => {
    const people: Person[] = [];
    await use(async (name, options) => {
      const person = await Person.enter(await room(browser, options), name, server.url);
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
