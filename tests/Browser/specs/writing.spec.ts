// Two people write in one document.
import { agree } from "../support/person.js";
import { expect, test } from "../support/test.js";

test("Two people see each other's every keystroke", async ({ meet, server }) => {
  const { id } = await server.create();
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);

  await ada.editor.focus();
  let typed = "";
  for (const key of "Dear Ben, 🙂 é!") {
    await ada.type(key);
    typed += key;
    await ben.sees(typed);
  }
  await ben.select(typed.length);
  for (const key of " Dear Ada") {
    await ben.type(key);
    typed += key;
    await ada.sees(typed);
  }
  for (let i = 0; i < 4; i++) {
    await ben.press("Backspace");
    typed = typed.slice(0, -1);
    await ada.sees(typed);
  }
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: `${typed}\n` }]);
});

test("Two people type at once, in one line, and lose nothing", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "|\n" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ada.select(0);
  await ben.select(1);

  const [before, after] = ["abcdefghijklmnopqrstuvwxyz".repeat(2), "0123456789".repeat(5)];
  await Promise.all([ada.type(before), ben.type(after)]);

  expect(await agree(server, id, ada, ben)).toEqual([{ insert: `${before}|${after}\n` }]);
});

test("Two people type at once at one place, and see the same", async ({ meet, server }) => {
  const { id } = await server.create();
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ada.editor.focus();
  await ben.editor.focus();

  await Promise.all([ada.type("a".repeat(30)), ben.type("b".repeat(30))]);

  const [{ insert }] = await agree(server, id, ada, ben) as [{ insert: string }];
  expect([...insert].sort().join("")).toBe(`\n${"a".repeat(30)}${"b".repeat(30)}`);
});

test("Formatted text arrives as it was made", async ({ meet, server }) => {
  const { id } = await server.create();
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  const tool = (name: string) => ada.page.getByRole("toolbar").getByRole("button", { name, exact: true });

  await ada.editor.focus();
  await tool("Heading 1").click();
  await ada.type("Title\nPlain ");
  await ada.press("Control+b");
  await ada.type("bold");
  await ada.press("Control+b");
  await ada.press("Control+i");
  await ada.type(" slanted");
  await ada.press("Control+i");
  await ada.press("Enter");
  await tool("Bulleted list").click();
  await ada.type("dot\n\n");
  await tool("Checklist").click();
  await ada.type("to do\n\n");
  await tool("Quote").click();
  await ada.type("said");
  await ada.press("Enter");
  await tool("Quote").click();
  await tool("Code block").click();
  await ada.type("if (x)\n  y();");
  await ada.press("Control+Home");
  await ada.press("Shift+End");
  await ada.press("Control+k");
  await ada.page.getByLabel("Link address").fill("example.org/a");
  await ada.press("Enter");
  await ben.page.locator("li[data-list=unchecked]").click({ position: { x: 8, y: 14 } });

  await expect(ada.page.locator("li[data-list=checked]")).toHaveText("to do");
  expect(await agree(server, id, ada, ben)).toEqual([
    { insert: "Title", attributes: { link: "https://example.org/a" } },
    { insert: "\n", attributes: { header: 1 } },
    { insert: "Plain " },
    { insert: "bold", attributes: { bold: true } },
    { insert: " slanted", attributes: { italic: true } },
    { insert: "\ndot" },
    { insert: "\n", attributes: { list: "bullet" } },
    { insert: "to do" },
    { insert: "\n", attributes: { list: "checked" } },
    { insert: "said" },
    { insert: "\n", attributes: { blockquote: true } },
    { insert: "if (x)" },
    { insert: "\n", attributes: { "code-block": true } },
    { insert: "  y();" },
    { insert: "\n", attributes: { "code-block": true } },
  ]);
  await expect(ben.editor.locator("h1 a")).toHaveAttribute("href", "https://example.org/a");
});

test("Undo takes back one's own edits and nobody else's", async ({ meet, server }) => {
  const { id } = await server.create();
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);

  await ada.editor.focus();
  await ada.type("mine");
  await ben.sees("mine");
  await ben.select(0);
  await ben.type("yours ");
  await ada.sees("yours mine");

  await ada.press("Control+z");
  await ben.sees("yours ");
  await ada.press("Control+z");
  await ada.press("Control+Shift+z");
  await ben.sees("yours mine");
  await ben.press("Control+z");
  await ada.sees("mine");
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: "mine\n" }]);
});

test("An edit that arrives while a character is being composed waits until it is done", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "one\n" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);
  await ada.select(3);
  const keyboard = await ada.page.context().newCDPSession(ada.page);

  await keyboard.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
  await ben.select(0);
  await ben.type("zero ");
  // It has arrived, and the text that is being composed was left alone.
  await expect.poll(() => ada.held()).toEqual([{ insert: "zero one\n" }]);
  expect(await ada.editor.innerText()).toContain("oneに");
  await keyboard.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
  await keyboard.send("Input.insertText", { text: "日本" });

  await ben.sees("zero one日本");
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: "zero one日本\n" }]);
});
