// Who is here, and where.
import { agree, type Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

test("The other's caret is shown with their name, moves with them, and goes when they go", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "first line\nsecond line\n" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);

  await ben.select(0);
  await expect(ada.carets).toHaveCount(1);
  await expect(ada.caret(ben)).toBeVisible();
  await expect(ada.caret(ben)).toHaveCSS("background-color", rgb(ben.color));
  await expect(ada.page.getByRole("list", { name: "Also here" }).getByRole("button", { name: "Ben" })).toBeVisible();

  const start = await ada.caretOf(ben);
  await ben.press("End");
  await expect.poll(() => ada.caretOf(ben)).toMatchObject({ y: start.y });
  await expect.poll(async () => (await ada.caretOf(ben)).x).toBeGreaterThan(start.x);
  await ben.press("ArrowDown");
  await expect.poll(async () => (await ada.caretOf(ben)).y).toBeGreaterThan(start.y);

  await ben.leave();
  await expect(ada.carets).toHaveCount(0);
  await expect(ada.page.getByRole("list", { name: "Also here" }).getByRole("button")).toHaveCount(0);
});

test("A caret is moved by what others type before it", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "abcdef\n" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ben.select(3);
  await expect(ada.caret(ben)).toBeVisible();
  await expect.poll(async () => (await ada.caretOf(ben)).x).toBe(await placeOf(ada, 3));

  await ada.select(0);
  await ada.type("12345");
  await ben.sees("12345abcdef");
  await expect.poll(async () => (await ada.caretOf(ben)).x).toBe(await placeOf(ada, 8));
  await agree(server, id, ada, ben);
});

test("What the other has selected is marked, whichever way they selected it", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "one two three\n" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);

  await ben.select(4);
  await ben.press("Control+Shift+ArrowRight");
  await expect.poll(() => marked(ada)).toMatch(/^two ?$/);
  await ben.select(7);
  await ben.press("Control+Shift+ArrowLeft");
  await expect.poll(() => marked(ada)).toBe("two");
  // The caret is where the selection was ended, not where it is rightmost.
  await expect.poll(async () => (await ada.caretOf(ben)).x).toBe(await placeOf(ada, 4));
});

test("Somebody takes another name and colour, and the others see it", async ({ meet, server }) => {
  const { id } = await server.create();
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ben.select(0);
  await expect(ada.caret(ben)).toBeVisible();

  await ben.page.getByRole("button", { name: /You are Ben/ }).click();
  await ben.page.getByLabel("Your name, as others see it").fill("Benedikt");
  await ben.page.getByRole("radio", { name: "#2b8a3e" }).click();
  await ben.press("Escape");

  await expect(ada.page.getByRole("button", { name: "Benedikt" })).toBeVisible();
  await expect(ada.carets).toHaveText(/Benedikt/);
  await expect(ada.carets.locator(".ql-cursor-caret")).toHaveCSS("background-color", rgb("#2b8a3e"));
  await ben.page.reload();
  await expect(ben.page.getByRole("button", { name: /You are Benedikt/ })).toBeVisible();
});

test("Somebody new is told once which name others see", async ({ browser, server }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const { id } = await server.create();
  await page.goto(`${server.url}/d/${id}`);
  const told = page.getByRole("complementary", { name: "Your name" });
  await expect(told).toContainText(/Others see you as \w+ \w+\./);
  await told.getByRole("button", { name: "Fine" }).click();
  await expect(told).toHaveCount(0);
  await page.reload();
  await expect(page.locator(".ql-editor")).toBeVisible();
  await expect(told).toHaveCount(0);
  await context.close();
});

function rgb(hex: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgb(${red}, ${green}, ${blue})`;
}

// Where a position of the first line is on a person's screen: the left edge of a caret there, which is 2 wide.
async function placeOf(person: Person, index: number): Promise<number> {
  return await person.page.evaluate((at) => {
    const range = document.createRange();
    const text = document.querySelector(".ql-editor p")!.firstChild!;
    range.setStart(text, at);
    range.setEnd(text, at);
    return Math.round(range.getBoundingClientRect().left - 1);
  }, index);
}

async function marked(person: Person): Promise<string> {
  return await person.page.evaluate(() =>
    [...CSS.highlights.values()].flatMap((highlight) => [...highlight]).map((range) => String(range)).join("|"));
}
