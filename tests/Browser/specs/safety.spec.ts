// What others write is never run.
import { expect, test } from "../support/test.js";

const attack = `<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>`;
// The server's policy forbids such scripts as well. Here the app has to do without its help.
const alone = { bypassCSP: true };

test("A title, a name, a text and a link that hold script don't run it", async ({ meet, server }) => {
  const { id } = await server.create({
    title: attack,
    content: [
      { insert: attack },
      { insert: "click me", attributes: { link: "javascript:window.attacked=1" } },
      { insert: { image: "javascript:window.attacked=1" } },
      { insert: { [attack]: attack } },
      { insert: "\n", attributes: { list: `x" onmouseover="window.attacked=1` } },
      { insert: attack },
      { insert: "\n", attributes: { "code-block": attack } },
    ],
  });
  const [ada, mallory] = [await meet("Ada", alone), await meet(attack.slice(0, 40), alone)];
  await mallory.open(id);
  await ada.open(id);
  await mallory.select(2);
  await expect(ada.carets).toHaveCount(1);
  await expect(ada.page.getByRole("list", { name: "Also here" }).getByRole("button")).toHaveCount(1);

  await ada.editor.getByText("click me").click();
  await expect(ada.page.locator(".link-look a")).toHaveAttribute("href", "about:blank");
  await expect(ada.editor.locator("a")).toHaveAttribute("href", "about:blank");
  // A link that is typed is looked at as well.
  await ada.select(0, 3);
  await ada.press("Control+k");
  await ada.page.getByLabel("Link address").fill("javascript:window.attacked=1");
  await ada.press("Enter");
  await expect(ada.page.getByRole("alert").filter({ hasText: "can’t be used" })).toBeVisible();

  await ada.goTo("/");
  await expect(ada.page.locator(".document-title").filter({ hasText: "<script>" })).toHaveText(attack);
  for (const { page } of [ada, mallory]) {
    expect(await page.evaluate(() => (window as { attacked?: number }).attacked)).toBeUndefined();
    await expect(page.locator("img[onerror]")).toHaveCount(0);
  }
});

test("Pasted HTML brings its text and its form, not its scripts", async ({ meet, server }) => {
  const { id } = await server.create();
  const ada = await meet("Ada", alone);
  await ada.open(id);
  await ada.editor.focus();
  await ada.editor.evaluate((editor, html) => {
    const data = new DataTransfer();
    data.setData("text/html", html);
    data.setData("text/plain", "plain");
    editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, `<b>bold</b> <a href="javascript:window.attacked=1">link</a><svg onload="window.attacked=1"></svg>${attack}`);

  await expect.poll(async () => (await server.content(id))[0]).toEqual({ insert: "bold", attributes: { bold: true } });
  expect(JSON.stringify(await server.content(id))).not.toContain("javascript:");
  expect(await ada.page.evaluate(() => (window as { attacked?: number }).attacked)).toBeUndefined();
});
