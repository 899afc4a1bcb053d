// Documents that were made elsewhere, and are not what Quill would have made.
import { agree } from "../support/person.js";
import { expect, test } from "../support/test.js";

test("To look at a document without a last newline doesn't change it", async ({ meet, server }) => {
  for (const content of [[], [{ insert: "half a line" }]]) {
    const { id, version } = await server.create({ content });
    const ada = await meet("Ada");
    await ada.open(id);
    await ada.press("ArrowRight");
    await ada.sees(content[0]?.insert ?? "");
    await ada.leave();
    expect((await server.record(id)).version).toBe(version);
  }
});

test("The first edit in a document without a last newline brings it, and everybody sees the same", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "half" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);

  await server.edit(id, [{ retain: 4 }, { insert: " a" }]);
  await ada.sees("half a");
  await ada.select(6);
  await ada.type(" line");
  await ben.sees("half a line");
  await ben.select(11);
  await ben.type("\nand another");
  await ada.sees("half a line\nand another");
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: "half a line\nand another\n" }]);

  // Another program takes the newline away again, and brings it back.
  await server.edit(id, [{ retain: 23 }, { delete: 1 }]);
  await expect.poll(() => ben.held()).toEqual([{ insert: "half a line\nand another" }]);
  await ben.sees("half a line\nand another");
  await server.edit(id, [{ retain: 23 }, { insert: "!\n" }]);
  await ben.sees("half a line\nand another!");
  await ben.type("?");
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: "half a line\nand another?!\n" }]);
});

test("Two people who begin an empty document at once see the same", async ({ meet, server }) => {
  const { id } = await server.create({ content: [] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ada.editor.focus();
  await ben.editor.focus();

  await Promise.all([ada.type("aaaaaaaaaa"), ben.type("bbbbbbbbbb")]);

  const [{ insert }] = await agree(server, id, ada, ben) as [{ insert: string }];
  expect([...insert].filter((letter) => letter !== "\n").sort().join("")).toBe("aaaaaaaaaabbbbbbbbbb");
});

test("What the editor can't show keeps its place and is not lost", async ({ meet, server }) => {
  const { id } = await server.create({
    content: [
      { insert: "a\r\nb" },
      { insert: { chart: { of: [1, 2] } }, attributes: { width: 3 } },
      { insert: "c", attributes: { "house-style": "x" } },
      { insert: "\n" },
    ],
  });
  const ada = await meet("Ada");
  await ada.open(id);
  await expect(ada.editor.locator(".unknown-embed")).toHaveText("chart");

  await ada.select(4, 1);
  await ada.press("Delete");
  await expect.poll(async () => (await server.content(id)).length).toBe(3);
  await ada.press("Control+z");
  await ada.select(6);
  await ada.type("!");

  await expect.poll(async () => (await server.content(id)).map(({ insert }) => insert)).toEqual(
    ["a\r\nb", { chart: { of: [1, 2] } }, "c", "!\n"]);
  expect(await ada.page.evaluate(() => window.cloudsync!.quill.getLength())).toBe(8);
});

test("A document of plain text stays plain", async ({ meet, server }) => {
  const { id } = await server.create({ type: "text", content: [{ insert: "code" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await expect(ada.page.getByRole("button", { name: "Bold" })).toHaveCount(0);

  await ada.select(0, 4);
  await ada.press("Control+b");
  await ada.select(4);
  await ada.type("\n- more");
  await ben.sees("code\n- more");
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: "code\n- more\n" }]);
});

test("A document whose structure the editor can't hold is shown, but can't be written in", async ({ meet, server }) => {
  const { id, version } = await server.create({
    content: [{ insert: "x = " }, { insert: { image: "/icon.svg" } }, { insert: "\n", attributes: { "code-block": true } }],
  });
  const ada = await meet("Ada");
  await ada.goTo(`/d/${id}`);
  await expect(ada.page.getByRole("alert").filter({ hasText: "not write here" })).toBeVisible();
  await expect(ada.editor).toHaveAttribute("contenteditable", "false");
  expect((await server.record(id)).version).toBe(version);
});
