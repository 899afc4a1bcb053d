// The server goes away in mid-sentence and comes back.
import { agree, Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

const sentence = "The quick brown fox jumps over the lazy dog, and nobody has asked the dog what it thinks of that.";

test("The server is killed in mid-sentence, and not one character is missing", async ({ browser, ownServer }) => {
  const { id } = await ownServer.create();
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  const ben = await Person.enter(await browser.newContext(), "Ben", ownServer.url);
  await ada.open(id);
  await ben.open(id);
  await ada.editor.focus();

  const middle = Math.floor(sentence.length / 2);
  await ada.type(sentence.slice(0, middle));
  // With edits under way or not, as it comes.
  await Promise.all([ownServer.kill(), ada.type(sentence.slice(middle, middle + 20))]);
  // What the server had acknowledged when it died.
  const acknowledged = await ben.version();
  await expect(ada.status).toHaveText(/^Offline\s?\d+ unsaved edits?$/);
  await ada.type(sentence.slice(middle + 20));
  await ada.sees(sentence);
  await ben.press("Control+End");
  await ben.type(" Ben too.");
  await expect(ben.status).toHaveText(/^Offline\s?\d+ unsaved edits?$/);

  await ownServer.startAgain();
  expect((await ownServer.record(id)).version).toBeGreaterThanOrEqual(acknowledged);
  await ada.isLive();
  await ben.isLive();

  const [{ insert }] = await agree(ownServer, id, ada, ben) as [{ insert: string }];
  // The two wrote at one place, not knowing of each other; both are there, whole.
  expect(insert.replace(" Ben too.", "")).toBe(`${sentence}\n`);
  expect(insert).toContain(" Ben too.");
  expect([...ada.faults, ...ben.faults]).toEqual([]);
  await ada.leave();
  await ben.leave();
});

test("The server is killed again and again while two people type", async ({ browser, ownServer }) => {
  const { id } = await ownServer.create({ content: [{ insert: "|\n" }] });
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  const ben = await Person.enter(await browser.newContext(), "Ben", ownServer.url);
  await ada.open(id);
  await ben.open(id);
  await ada.select(0);
  await ben.select(1);

  const [hers, his] = ["she sells sea shells", "PETER PIPER PICKED A PECK"];
  for (let round = 0; round < 3; round++) {
    await Promise.all([ada.type(hers), ben.type(his), ownServer.kill()]);
    await ownServer.startAgain();
    await Promise.all([ada.type("."), ben.type(".")]);
  }
  await ada.isLive();
  await ben.isLive();

  expect(await agree(ownServer, id, ada, ben)).toEqual([
    { insert: `${`${hers}.`.repeat(3)}|${`${his}.`.repeat(3)}\n` },
  ]);
  await ada.leave();
  await ben.leave();
});

test("Whoever closes the window with unsaved edits is asked", async ({ browser, ownServer }) => {
  const { id } = await ownServer.create();
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  await ada.open(id);
  await ada.editor.focus();
  await ownServer.kill();
  await ada.type("unsaved");
  await expect(ada.status).toContainText("unsaved");

  const asked = ada.page.waitForEvent("dialog");
  await ada.page.close({ runBeforeUnload: true });
  const dialog = await asked;
  expect(dialog.type()).toBe("beforeunload");
  await dialog.dismiss();
  await ada.sees("unsaved");
  await ada.leave();
});

test("Whoever goes to the list before all is saved loses nothing", async ({ browser, ownServer }) => {
  const { id } = await ownServer.create({ title: "Left early" });
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  await ada.open(id);
  await ada.editor.focus();
  await ownServer.kill();
  await ada.type("written offline");
  await ada.page.getByRole("link", { name: "All documents" }).click();
  await expect(ada.page.getByRole("heading", { name: "Documents", exact: true })).toBeVisible();

  await ownServer.startAgain();
  await expect.poll(() => ownServer.content(id)).toEqual([{ insert: "written offline\n" }]);
  await ada.leave();
});
