// A JSON document, read in the browser while programs change it.
import type { Locator } from "@playwright/test";
import { Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

// The server tells members in the order of their names.
const board = { cards: [{ text: "Sow", votes: 1 }, { text: "Water", votes: 2 }], note: null, open: true, title: "Spring" };

const tree = ({ page }: Person): Locator => page.getByRole("tree", { name: "Content" });

/** The rows as they are read, each indented by how deep it stands. */
const rows = (person: Person): Promise<string[]> => tree(person).locator(".json-row").evaluateAll((all) => all.map((row) => {
  let depth = 0;
  for (let at = row.closest("ul"); at?.getAttribute("role") === "group"; at = at.parentElement!.closest("ul")) depth++;
  return "  ".repeat(depth) + [...row.children].map((part) => part.textContent).filter((text) => text !== "").join(" ");
}));

const sees = (person: Person, expected: string[]) => expect.poll(() => rows(person), { message: `what ${person.name} sees` }).toEqual(expected);

const read = async (person: Person, id: string): Promise<void> => {
  await person.goTo(`/d/${id}`);
  await expect(tree(person)).toBeVisible();
  await person.isLive();
};

/** The row that begins with a text. */
const row = (person: Person, beginning: string): Locator =>
  tree(person).getByRole("treeitem", { name: new RegExp(`^${beginning}`) }).locator("> .json-row");

const shown = [
  "{ } 4 members",
  "  cards: [ ] 2 items",
  "    0: { } 2 members",
  '      text: "Sow"',
  "      votes: 1",
  "    1: { } 2 members",
  '      text: "Water"',
  "      votes: 2",
  "  note: null",
  "  open: true",
  '  title: "Spring"',
];

test("What a program changes is shown at once, and marked for a moment", async ({ meet, server }) => {
  const { id } = await server.createJson(board);
  const ada = await meet("Ada");
  await read(ada, id);
  await sees(ada, shown);
  await expect(ada.page.locator(".json-changed")).toHaveCount(0);

  await markedRows(ada);
  await server.editJson(id, [{ p: ["cards", 0, "votes"], na: 4 }]);
  await sees(ada, shown.map((line) => (line === "      votes: 1" ? "      votes: 5" : line)));
  await expect.poll(() => marked(ada)).toEqual(["votes:5"]);
  await expect(ada.page.locator(".json-changed")).toHaveCount(0);

  await server.editJson(id, [{ p: ["cards", 0], li: { text: "Dig", votes: 0 } }, { p: ["note"], od: null, oi: "dry" }]);
  await sees(ada, [
    "{ } 4 members",
    "  cards: [ ] 3 items",
    "    0: { } 2 members",
    '      text: "Dig"',
    "      votes: 0",
    "    1: { } 2 members",
    '      text: "Sow"',
    "      votes: 5",
    "    2: { } 2 members",
    ...shown.slice(6, 8),
    '  note: "dry"',
    ...shown.slice(9),
  ]);
  // Those behind it were not changed, though they are counted anew.
  await expect.poll(() => marked(ada)).toEqual(["votes:5", "0:{ } 2 members", 'note:"dry"']);

  await expect(ada.page.locator(".json-changed")).toHaveCount(0);
  await server.editJson(id, [{ p: ["cards", 0], lm: 2 }]);
  await expect.poll(() => marked(ada)).toEqual(["votes:5", "0:{ } 2 members", 'note:"dry"', "2:{ } 2 members"]);
  await server.editJson(id, [{ p: [], oi: [1, 2], od: null }]);
  await sees(ada, ["[ ] 2 items", "  0: 1", "  1: 2"]);
});

test("What is folded stays folded, and says that something in it has changed", async ({ meet, server }) => {
  const { id } = await server.createJson(board);
  const ada = await meet("Ada");
  await read(ada, id);
  await row(ada, "0:").click();
  await row(ada, "cards:").click();
  await sees(ada, [...shown.slice(0, 2), ...shown.slice(8)]);

  await markedRows(ada);
  await server.editJson(id, [{ p: ["cards", 0, "votes"], na: 1 }, { p: ["cards", 2], li: "more" }]);
  await expect.poll(() => marked(ada)).toEqual(["cards:[ ] 3 items"]);
  await row(ada, "cards:").click();
  await sees(ada, ["{ } 4 members", "  cards: [ ] 3 items", "    0: { } 2 members", ...shown.slice(5, 8), '    2: "more"', ...shown.slice(8)]);
  await row(ada, "0:").click();
  await expect(row(ada, "votes: 2")).toHaveCount(2);
});

test("The tree is gone through with the keyboard", async ({ meet, server }) => {
  const { id } = await server.createJson(board);
  const ada = await meet("Ada");
  await read(ada, id);
  const focused = () => ada.page.evaluate(() => document.activeElement?.querySelector(".json-row")?.textContent);
  await tree(ada).getByRole("treeitem").first().focus();
  await ada.press("ArrowDown");
  expect(await focused()).toBe("cards:[ ] 2 items");
  await ada.press("ArrowRight");
  expect(await focused()).toBe("0:{ } 2 members");
  await ada.press("Enter");
  await expect(tree(ada).getByRole("treeitem", { name: /^0:/ })).toHaveAttribute("aria-expanded", "false");
  // Others' edits don't take the focus away.
  await server.editJson(id, [{ p: ["cards", 0], li: null }]);
  await sees(ada, ["{ } 4 members", "  cards: [ ] 3 items", "    0: null", "    1: { } 2 members", "    2: { } 2 members", ...shown.slice(6)]);
  expect(await focused()).toBe("1:{ } 2 members");
  await ada.press("ArrowLeft");
  expect(await focused()).toBe("cards:[ ] 3 items");
  await ada.press("ArrowLeft");
  await ada.press("End");
  expect(await focused()).toBe('title:"Spring"');
  await ada.press("Home");
  await ada.press("ArrowUp");
  expect(await focused()).toBe("{ } 4 members");
  expect(await tree(ada).locator("[tabindex='0']").count()).toBe(1);
});

test("A new title, who is here, and a deletion are shown as with any document", async ({ meet, server }) => {
  const { id } = await server.createJson(board, "Old");
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await read(ada, id);
  await expect(ada.title).toHaveValue("Old");
  await read(ben, id);
  await expect(ada.page.getByRole("list", { name: "Also here" }).getByRole("img", { name: "Ben" })).toBeVisible();
  await server.rename(id, "New");
  await expect(ada.title).toHaveValue("New");
  await ben.title.fill("Newer");
  await ben.press("Enter");
  await expect(ada.page).toHaveTitle("Newer · CloudSync");

  await ben.goTo("/");
  await expect(ben.page.getByRole("link", { name: "Newer" })).toContainText("JSON · changed");
  await expect(ada.page.getByRole("list", { name: "Also here" }).getByRole("img")).toHaveCount(0);
  await ben.page.getByRole("link", { name: "Newer" }).click();
  await sees(ben, shown);
  await server.remove(id);
  await expect(ada.page.getByRole("alert").filter({ hasText: "This document was deleted" })).toBeVisible();
  await sees(ada, shown);
});

test("What was changed during an outage is there after it", async ({ browser, ownServer }) => {
  const { id } = await ownServer.createJson(board);
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  await read(ada, id);
  await ownServer.kill();
  await expect(ada.status).toContainText("Offline");
  await ownServer.startAgain();
  await ownServer.editJson(id, [{ p: ["open"], od: true, oi: false }]);
  await ada.isLive();
  await sees(ada, shown.map((line) => (line === "  open: true" ? "  open: false" : line)));
  expect(ada.faults).toEqual([]);
  await ada.leave();
});

test("Names and texts that hold script are shown as text", async ({ meet, server }) => {
  const attack = `<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>`;
  const { id } = await server.createJson({ [attack]: attack, list: [attack] });
  // The server's policy forbids such scripts as well. Here the app has to do without its help.
  const ada = await meet("Ada", { bypassCSP: true });
  await read(ada, id);
  await sees(ada, ["{ } 2 members", `  ${attack}: ${JSON.stringify(attack)}`, "  list: [ ] 1 item", `    0: ${JSON.stringify(attack)}`]);
  await server.editJson(id, [{ p: ["list", 1], li: { [`${attack}2`]: attack } }]);
  await expect(row(ada, "1:")).toBeVisible();
  await expect(ada.page.locator("img[onerror], .json script")).toHaveCount(0);
  expect(await ada.page.evaluate(() => (window as { attacked?: number }).attacked)).toBeUndefined();
});

test("Of what is large the beginning is shown, and more when it is asked for", async ({ meet, server }) => {
  const numbers = Array.from({ length: 50_000 }, (_, i) => i);
  const text = `${"word ".repeat(10_000)}end`;
  const { id } = await server.createJson({ numbers, text });
  const ada = await meet("Ada");
  await read(ada, id);
  await sees(ada, ["{ } 2 members", "  numbers: [ ] 50,000 items", ...numbers.slice(0, 100).map((i) => `    ${i}: ${i}`), expect.stringMatching(/^ {2}text: "word .*… 49,703 more characters Show more$/) as unknown as string]);
  await ada.page.getByRole("button", { name: "Show 100 more" }).click();
  await expect(tree(ada).locator(".json-row")).toHaveCount(203);
  await expect(row(ada, "100:")).toHaveText("100:100");

  // One less before: the next comes into sight, and is nothing new.
  await markedRows(ada);
  await server.editJson(id, [{ p: ["numbers", 5], ld: 5 }]);
  await expect(row(ada, "199:")).toHaveText("199:200");
  await expect.poll(() => marked(ada)).toEqual(["numbers:[ ] 49,999 items"]);

  for (let i = 0; i < 3; i++) await ada.page.getByRole("button", { name: /^Show (more|all)$/ }).click();
  await expect(tree(ada).locator(".json-text")).toHaveText(JSON.stringify(text));
});

test("A document of JSON fits on a phone, and folds and unfolds as a whole", async ({ meet, server }) => {
  let deep: unknown = "x".repeat(5000);
  for (let i = 0; i < 60; i++) deep = { [`level${i}`]: deep };
  const { id } = await server.createJson({ deep, ["name".repeat(200)]: "unbroken".repeat(100) });
  const ada = await meet("Ada", { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true });
  await read(ada, id);
  expect(await ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  await expect(tree(ada).locator(".json-row")).toHaveCount(63);
  await ada.page.getByRole("button", { name: "Fold all", exact: true }).click();
  await expect(tree(ada).locator(".json-row")).toHaveCount(3);
  await ada.page.getByRole("button", { name: "Unfold all" }).click();
  await expect(tree(ada).locator(".json-row")).toHaveCount(63);
});

test("What has changed is marked without motion where none is wanted", async ({ meet, server }) => {
  const { id } = await server.createJson({ count: 0 });
  const ada = await meet("Ada", { reducedMotion: "reduce" });
  await read(ada, id);
  await markedRows(ada);
  await server.editJson(id, [{ p: ["count"], na: 1 }]);
  await expect.poll(() => marked(ada)).toEqual(["count:1"]);
  await expect(row(ada, "count:")).toHaveCSS("transition-property", "none");
  await expect(ada.page.locator(".json-changed")).toHaveCount(0);
});

test("If what shows it can't be loaded, the page says so", async ({ meet, server }) => {
  const { id } = await server.createJson({});
  const ada = await meet("Ada");
  await ada.page.route(/\/assets\/view-.*\.js$/, (route) => route.fulfill({ status: 404 }));
  await ada.goTo(`/d/${id}`);
  await expect(ada.page.getByRole("heading", { name: "This document can’t be opened" })).toBeVisible();
  ada.faults.length = 0;
  await ada.page.unroute(/\/assets\/view-.*\.js$/);
  await ada.page.getByRole("button", { name: "Try again" }).click();
  await sees(ada, ["{ } empty"]);
});

// Notes every row that is marked from now on, however short that is.
async function markedRows({ page }: Person): Promise<void> {
  await page.evaluate(() => {
    const rows: string[] = [];
    (window as { marked?: string[] }).marked = rows;
    new MutationObserver((records) => {
      for (const { target, oldValue } of records) {
        const { classList, textContent } = target as Element;
        if (classList.contains("json-changed") && !oldValue?.includes("json-changed")) rows.push(textContent!);
      }
    }).observe(document.querySelector(".json")!, { subtree: true, attributeFilter: ["class"], attributeOldValue: true });
  });
}

async function marked({ page }: Person): Promise<string[]> {
  return await page.evaluate(() => (window as { marked?: string[] }).marked!);
}
