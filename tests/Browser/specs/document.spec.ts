// The page around the text: the title, documents that are not there, phones, keys.
import { expect, test } from "../support/test.js";

test("A new title is seen by the other", async ({ meet, server }) => {
  const { id } = await server.create({ title: "Old" });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ada.title.fill("New");
  await ada.press("Enter");

  await expect(ben.title).toHaveValue("New");
  await expect(ben.page).toHaveTitle("New · CloudSync");
  expect((await server.record(id)).title).toBe("New");
  await ada.title.fill("Never mind");
  await ada.press("Escape");
  await expect(ada.title).toHaveValue("New");
});

test("A document that doesn't exist has a clear page", async ({ meet }) => {
  const ada = await meet("Ada");
  for (const id of ["nobody-made-this", "not%20an%20id"]) {
    await ada.goTo(`/d/${id}`);
    await expect(ada.page.getByRole("heading", { name: "There is no such document" })).toBeVisible();
  }
  await ada.page.locator("main").getByRole("link", { name: "All documents" }).click();
  await expect(ada.page.getByRole("heading", { name: "Documents" })).toBeVisible();
});

test("A document that is deleted under one's hands stays to be read, and can't be written in", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "precious\n" }] });
  const ada = await meet("Ada");
  await ada.open(id);
  await server.remove(id);
  await expect(ada.page.getByRole("alert").filter({ hasText: "This document was deleted" })).toBeVisible();
  await expect(ada.editor).toHaveAttribute("contenteditable", "false");
  await ada.sees("precious");
  await ada.page.reload();
  await expect(ada.page.getByRole("heading", { name: "There is no such document" })).toBeVisible();
});

test("Everything fits on a phone", async ({ meet, server }) => {
  const { id } = await server.create({
    title: "A title that is a good deal longer than a phone is wide, as titles are",
    content: [{ insert: `${"unbroken".repeat(30)}\n` }, { insert: "code ".repeat(40) }, { insert: "\n", attributes: { "code-block": true } }],
  });
  const ada = await meet("Ada", { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true });
  const overflow = () => ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await ada.open(id);
  expect(await overflow()).toBeLessThanOrEqual(0);
  await ada.goTo("/");
  await expect(ada.page.locator(".document").first()).toBeVisible();
  expect(await overflow()).toBeLessThanOrEqual(0);
});

test("Dark where dark is preferred", async ({ meet }) => {
  const ada = await meet("Ada", { colorScheme: "dark" });
  await ada.goTo("/");
  const lightness = await ada.page.evaluate(() => {
    const [red] = getComputedStyle(document.documentElement).backgroundColor.match(/\d+/)!;
    return Number(red);
  });
  expect(lightness).toBeLessThan(60);
});

test("Everything can be done with the keyboard", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "word\n" }] });
  const ada = await meet("Ada");
  await ada.open(id);
  await ada.select(0, 4);
  await ada.press("Shift+Tab");
  await ada.editor.focus();
  // The toolbar is one stop; the arrow keys go along it.
  const tools = ada.page.getByRole("toolbar", { name: "Formatting" });
  await tools.getByRole("button", { name: "Undo" }).focus();
  for (let i = 0; i < 5; i++) await ada.press("ArrowRight");
  await expect(tools.getByRole("button", { name: "Bold" })).toBeFocused();
  expect(await tools.locator("button[tabindex='0']").count()).toBe(1);
  await ada.press("Enter");
  await expect.poll(() => server.content(id)).toEqual([
    { insert: "word", attributes: { bold: true } }, { insert: "\n" },
  ]);
});
