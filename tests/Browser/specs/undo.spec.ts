// Taking back one's own edits, and nobody else's.
import { agree, Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

const selection = (person: Person) => person.page.evaluate(() => window.cloudsync!.quill.getSelection());

const tool = (person: Person, name: string) =>
  person.page.getByRole("toolbar").getByRole("button", { name, exact: true });

test("Undo takes one's own words from around the other's, and redo puts them back, with the caret", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "[]\n" }] });
  const [ada, ben] = [await meet("Ada"), await meet("Ben")];
  await ada.open(id);
  await ben.open(id);

  await ada.select(1);
  await ada.type("mine");
  await ben.sees("[mine]");
  await ben.select(3);
  await ben.type("YOURS");
  await ada.sees("[miYOURSne]");

  await ada.press("Control+z");
  await ben.sees("[YOURS]");
  expect(await selection(ada)).toEqual({ index: 1, length: 0 });
  await ada.press("Control+y");
  await ben.sees("[miYOURSne]");
  expect(await selection(ada)).toEqual({ index: 10, length: 0 });
  await ada.press("Control+z");
  await ada.press("Control+Shift+z");
  await ben.press("Control+z");
  await ada.sees("[mine]");
  expect(await agree(server, id, ada, ben)).toEqual([{ insert: "[mine]\n" }]);
});

test("What was selected and replaced is selected again", async ({ meet, server }) => {
  const { id } = await server.create({ content: [{ insert: "one two three\n" }] });
  const ada = await meet("Ada");
  await ada.open(id);
  await ada.select(4);
  await ada.press("Control+Shift+ArrowRight");
  const selected = await selection(ada);
  expect(selected!.length).toBeGreaterThanOrEqual(3);
  await ada.type("2");
  await ada.press("Control+z");
  await ada.sees("one two three");
  expect(await selection(ada)).toEqual(selected);
});

test("The buttons show whether there is something to undo, and do it", async ({ meet, server }) => {
  const { id } = await server.create();
  const ada = await meet("Ada");
  await ada.open(id);
  const can = async (undo: boolean, redo: boolean) => {
    await expect(tool(ada, "Undo")).toHaveAttribute("aria-disabled", String(!undo));
    await expect(tool(ada, "Redo")).toHaveAttribute("aria-disabled", String(!redo));
  };
  await can(false, false);
  await ada.editor.focus();
  await ada.type("word");
  await can(true, false);
  await tool(ada, "Undo").click();
  await ada.sees("");
  await can(false, true);
  await tool(ada, "Redo").click();
  await ada.sees("word");
  await can(true, false);
  // The caret is in the text still.
  await ada.type("s");
  await ada.sees("words");
});

test("The browser's own undo, as in its menu, does the same", async ({ meet, server }) => {
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
  const keyboard = await ada.page.context().newCDPSession(ada.page);
  await keyboard.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key: "F13", code: "F13", commands: ["undo"] });
  await ben.sees("yours ");
  // Its own redo it offers only after an undo of its own.
  const kept = await ada.editor.evaluate((editor) =>
    editor.dispatchEvent(new InputEvent("beforeinput", { inputType: "historyRedo", cancelable: true, bubbles: true })));
  expect(kept).toBe(false);
  await ben.sees("yours mine");
  await agree(server, id, ada, ben);
});

test("A list that came of itself is undone by itself", async ({ meet, server }) => {
  const { id } = await server.create();
  const ada = await meet("Ada");
  await ada.open(id);
  await ada.editor.focus();
  await ada.type("- ");
  await expect(ada.editor.locator("li[data-list=bullet]")).toHaveCount(1);
  await ada.press("Control+z");
  await ada.sees("- ");
  await ada.press("Control+z");
  await ada.sees("");
});

test("What was written before and during an outage can be undone after it, and after a reload nothing", async ({ browser, ownServer }) => {
  const { id } = await ownServer.create();
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  const ben = await Person.enter(await browser.newContext(), "Ben", ownServer.url);
  await ada.open(id);
  await ben.open(id);
  await ada.editor.focus();
  await ada.type("before");
  await ben.sees("before");
  await ownServer.kill();
  await expect(ada.status).toContainText("Offline");
  // Typed within a second and beside each other the two would be one step.
  await ada.page.evaluate(() => window.cloudsync!.document.endUndoStep());
  await ada.press("Home");
  await ada.type("during ");
  await ben.press("Control+End");
  await ben.type("!");
  await ownServer.startAgain();
  await ada.isLive();
  await ben.isLive();
  await ada.sees("during before!");

  await ada.press("Control+z");
  await ben.sees("before!");
  await ada.press("Control+z");
  await ben.sees("!");
  await ada.press("Control+Shift+z");
  await ben.sees("before!");
  expect(await agree(ownServer, id, ada, ben)).toEqual([{ insert: "before!\n" }]);

  await ada.page.reload();
  await ada.isLive();
  await expect(tool(ada, "Undo")).toHaveAttribute("aria-disabled", "true");
  await ada.editor.focus();
  await ada.press("Control+z");
  await ada.press("End");
  await ada.type("?");
  await ben.sees("before!?");
  expect([...ada.faults, ...ben.faults]).toEqual([]);
  await ada.leave();
  await ben.leave();
});
