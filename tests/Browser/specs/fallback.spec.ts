// Networks that break WebSockets: people write together all the same, and notice nothing.
import type { Breaking, BreakingProxy } from "../../../clients/typescript/tests/support/breaking-proxy.js";
import type { Api } from "../support/api.js";
import { agree, type Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

const [hers, his] = ["she sells sea shells by the sea shore", "PETER PIPER PICKED A PECK OF PICKLED PEPPER"];

// How long it takes until a WebSocket is tried again the first time, and a little more.
const untilTrial = 61_000;

const broken: [string, Breaking, upgrades: number][] = [
  ["refuses WebSockets", "refuses", 2],
  ["never answers a WebSocket", "swallows", 1],
  ["cuts WebSockets off", "cuts", 2],
  ["cuts WebSockets off behind the first message", "cuts later", 3],
];

for (const [what, breaking, upgrades] of broken) {
  test(`Two people write together in a network that ${what}`, async ({ network, meet, server }) => {
    const between = await network(breaking);
    const { id } = await server.create({ content: [{ insert: "|\n" }] });
    const [ada, ben] = [await meet("Ada", {}, between.origin), await meet("Ben", {}, between.origin)];
    const [seen, read] = [await watch(ada), await watch(ben)];
    await Promise.all([ada.open(id), ben.open(id)]);
    await writeTogether(server, id, ada, ben);

    expect(between.upgrades).toBe(2 * upgrades);
    expect([new Set(seen.polls), new Set(read.polls)]).toEqual([new Set(["stream"]), new Set(["stream"])]);
    // Cut off three times, and each time after the server was there, is offline for a moment.
    if (breaking !== "cuts later") for (const { statuses } of [seen, read]) expect(await statuses()).toEqual(["Connecting…", "Live"]);
    await nothingIsAlarming(ada, ben);
  });
}

test("Where no stream gets through either, single polls do", async ({ network, meet, server }) => {
  const between = await network("refuses");
  between.holdsStreams = true;
  const { id } = await server.create({ content: [{ insert: "|\n" }] });
  const [ada, ben] = [await meet("Ada", {}, between.origin), await meet("Ben")];
  const seen = await watch(ada);
  await ada.open(id);
  await ben.open(id);
  await writeTogether(server, id, ada, ben);

  expect(seen.polls.filter((kind) => kind === "stream").length).toBe(1);
  expect(seen.polls.filter((kind) => kind === "single").length).toBeGreaterThan(1);
  expect(await seen.statuses()).toEqual(["Connecting…", "Live"]);
  await nothingIsAlarming(ada, ben);
});

test("When the network lets WebSockets through again they are gone back to in mid-sentence, and nothing is lost", async ({ network, meet, server }) => {
  const between = await network("refuses");
  const { id } = await server.create({ content: [{ insert: "|\n" }] });
  const [ada, ben] = [await meet("Ada", {}, between.origin), await meet("Ben", {}, between.origin)];
  const [seen] = [await watch(ada), await ada.page.clock.install(), await ben.page.clock.install()];
  await ada.open(id);
  await ben.open(id);
  await ada.select(0);
  await ben.select(1);

  // Still broken: it is tried, and nobody sees that.
  const before = between.upgrades;
  await Promise.all([ada, ben].map((person) => person.page.clock.fastForward(untilTrial)));
  await expect.poll(() => between.upgrades).toBe(before + 2);
  await Promise.all([ada.type(hers), ben.type(his)]);
  await agree(server, id, ada, ben);

  between.breaking = undefined;
  await Promise.all([ada, ben].map((person) => person.page.clock.fastForward(2 * untilTrial)));
  await expect.poll(() => between.upgrades).toBe(before + 4);
  // One to try it, and one to move to.
  while (between.upgrades < before + 6) await Promise.all([ada.type("."), ben.type(".")]);
  await goOn(between, server, id, ada, ben);

  const [text] = await agree(server, id, ada, ben) as [{ insert: string }];
  const [left, right] = text.insert.split("|") as [string, string];
  expect(left).toMatch(new RegExp(`^${hers}\\.+!$`));
  expect(right).toMatch(new RegExp(`^${his}\\.+!\n$`));
  expect(await seen.statuses()).not.toContain("Offline");
  await nothingIsAlarming(ada, ben);
});

test("In another network a WebSocket is tried at once", async ({ network, meet, server }) => {
  const between = await network("refuses");
  const { id } = await server.create({ content: [{ insert: "|\n" }] });
  const [ada, ben] = [await meet("Ada", {}, between.origin), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ada.select(0);
  await ben.select(1);

  await ada.page.context().setOffline(true);
  await ada.type(hers);
  await expect(ada.status).toHaveText(/^Offline\s?\d+ unsaved edits?$/);
  await ben.type(his);
  between.breaking = undefined;
  await ada.page.context().setOffline(false);
  await ada.isLive();
  await goOn(between, server, id, ada, ben);
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: `${hers}!|${his}!\n` }]);
});

test("Behind an NGINX that refuses WebSockets two people write together, and move to them when it doesn't", async ({ cluster, meet }) => {
  await cluster.refuseWebSockets(true);
  // On one gateway or the other: whatever is asked must get to it.
  for (let document = 0; document < 3; document++) {
    const { id } = await cluster.create({ content: [{ insert: "|\n" }] });
    const [ada, ben] = [await meet("Ada", {}, cluster.url), await meet("Ben", {}, cluster.url)];
    const [seen, read] = [await watch(ada), await watch(ben)];
    await Promise.all([ada, ben].map((person) => person.page.clock.install()));
    await Promise.all([ada.open(id), ben.open(id)]);
    await writeTogether(cluster, id, ada, ben);
    expect([new Set(seen.polls), new Set(read.polls)]).toEqual([new Set(["stream"]), new Set(["stream"])]);
    for (const { statuses } of [seen, read]) expect(await statuses()).toEqual(["Connecting…", "Live"]);
    await nothingIsAlarming(ada, ben);
    if (document < 2) continue;

    await cluster.refuseWebSockets(false);
    // One to try it, and one to move to.
    const moved = [ada, ben].map(({ page }) => page.waitForEvent("websocket").then(() => page.waitForEvent("websocket")));
    await Promise.all([ada, ben].map((person) => person.page.clock.fastForward(untilTrial)));
    await Promise.all(moved);
    await ada.type("!");
    await ben.type("!");
    expect(await agree(cluster, id, ada, ben)).toEqual([{ insert: `${hers}!|${his}!\n` }]);
    for (const { statuses } of [seen, read]) expect(await statuses()).not.toContain("Offline");
    await nothingIsAlarming(ada, ben);
  }
});

/** What somebody is shown of the connection, and how their page asks for what the server has to say. */
async function watch(person: Person): Promise<{ statuses: () => Promise<string[]>; polls: ("stream" | "single")[] }> {
  const polls: ("stream" | "single")[] = [];
  person.page.on("request", (request) => {
    if (request.method() !== "GET" || !new URL(request.url()).pathname.startsWith("/sync/polling/")) return;
    polls.push(request.headers()["accept"] === "text/event-stream" ? "stream" : "single");
  });
  await person.page.addInitScript(() => {
    const statuses: string[] = ((window as unknown as { statuses: string[] }).statuses = []);
    new MutationObserver(() => {
      const text = document.querySelector(".status span")?.textContent;
      if (text && text !== statuses.at(-1)) statuses.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  return {
    polls,
    statuses: () => person.page.evaluate(() => (window as unknown as { statuses: string[] }).statuses),
  };
}

/** Two at once, in a document that holds "|": one before it, and one behind it. */
async function writeTogether(api: Api, id: string, ada: Person, ben: Person): Promise<void> {
  await ada.select(0);
  await ben.select(1);
  await expect(ada.caret(ben)).toBeVisible();
  await expect(ben.caret(ada)).toBeVisible();
  await Promise.all([ada.type(hers), ben.type(his)]);
  expect(await agree(api, id, ada, ben)).toEqual([{ insert: `${hers}|${his}\n` }]);
}

/** They write on, without a request. */
async function goOn(between: BreakingProxy, api: Api, id: string, ada: Person, ben: Person): Promise<void> {
  await ada.isLive();
  await ben.isLive();
  await agree(api, id, ada, ben);
  between.requests = [];
  await ada.type("!");
  await ben.type("!");
  await agree(api, id, ada, ben);
  await expect(ada.caret(ben)).toBeVisible();
  expect(between.requests.filter((request) => request.startsWith("POST"))).toEqual([]);
}

async function nothingIsAlarming(...people: Person[]): Promise<void> {
  for (const { page } of people) {
    await expect(page.getByRole("alert")).toHaveCount(0);
    await expect(page.locator(".toast")).toHaveCount(0);
  }
}
