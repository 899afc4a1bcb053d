// The list of documents, and what can be done from it.
import { Person } from "../support/person.js";
import { expect, test } from "../support/test.js";

test("The first document is made from an empty list, named, written and found again", async ({ browser, ownServer }) => {
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  await ada.goTo("/");
  await expect(ada.page.getByRole("heading", { name: "Nothing here yet" })).toBeVisible();
  await ada.page.getByRole("button", { name: "New document" }).click();

  // The title is what one types first.
  await expect(ada.title).toBeFocused();
  await ada.type("Letters");
  await ada.press("Enter");
  await expect(ada.editor).toBeFocused();
  await ada.type("Dear all");
  await expect.poll(() => ada.unsaved()).toBe(0);
  await expect(ada.page).toHaveTitle("Letters · CloudSync");
  await ada.page.getByRole("link", { name: "All documents" }).click();

  await ada.page.getByRole("link", { name: /Letters/ }).click();
  await ada.sees("Dear all");
  await ada.page.goBack();
  await expect(ada.page.getByRole("link", { name: /Letters/ })).toContainText("just now");
  expect(ada.faults).toEqual([]);
  await ada.leave();
});

test("Documents are searched, renamed, deleted and paged", async ({ browser, ownServer }) => {
  for (let i = 1; i <= 60; i++) await ownServer.create({ title: `Number ${i}.` });
  const ada = await Person.enter(await browser.newContext(), "Ada", ownServer.url);
  await ada.goTo("/");
  const rows = ada.page.locator(".document");
  await expect(rows).toHaveCount(50);
  await expect(rows.first()).toContainText("Number 60.");

  await ada.page.getByRole("button", { name: "Load more" }).click();
  await expect(rows).toHaveCount(60);
  await expect(ada.page.getByRole("button", { name: "Load more" })).toBeHidden();

  const search = ada.page.getByRole("searchbox");
  await search.fill("number 7.");
  await expect(rows).toHaveCount(1);
  await search.fill("nothing like it");
  await expect(ada.page.getByRole("heading", { name: /No title contains/ })).toBeVisible();
  await search.fill("number 7.");

  await rows.hover();
  await ada.page.getByRole("button", { name: "Rename Number 7." }).click();
  await ada.page.getByRole("textbox", { name: "Title" }).fill("Number 7. is special");
  await ada.press("Enter");
  await expect(rows).toHaveText(/Number 7\. is special/);

  await rows.hover();
  await ada.page.getByRole("button", { name: "Delete Number 7. is special" }).click();
  await ada.page.getByRole("button", { name: "Cancel" }).click();
  await expect(rows).toHaveCount(1);
  await ada.page.getByRole("button", { name: "Delete Number 7. is special" }).click();
  await ada.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(rows).toHaveCount(0);

  await ada.page.reload();
  await search.fill("Number 7.");
  await expect(rows).toHaveCount(0);
  expect(ada.faults).toEqual([]);
  await ada.leave();
});
