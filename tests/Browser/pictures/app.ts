// docs/images/app.png: several people writing in one document.
import { join, resolve } from "node:path";
import { agree } from "../support/person.js";
import { expect, test } from "../support/test.js";
import type { Op } from "../support/api.js";

const images = resolve(import.meta.dirname, "../../../docs/images");

const line = (text: string, attributes?: Record<string, unknown>): Op[] =>
  [{ insert: text }, { insert: "\n", ...(attributes && { attributes }) }];

const content: Op[] = [
  ...line("A night train to Trieste", { header: 1 }),
  { insert: "We leave Vienna at " },
  { insert: "21:27 on Friday", attributes: { bold: true } },
  { insert: " and wake up by the sea. Everything here is a draft: change what you like, cross out what you " },
  { insert: "really", attributes: { italic: true } },
  { insert: " don’t.\n" },
  ...line("Before we go", { header: 2 }),
  { insert: "Book the " },
  { insert: "four-berth couchette", attributes: { link: "https://example.org/couchette" } },
  { insert: "\n", attributes: { list: "checked" } },
  ...line("Ask the hotel whether we may leave the bags", { list: "unchecked" }),
  ...line("Somebody brings cards", { list: "unchecked" }),
  ...line("Saturday", { header: 2 }),
  ...line("The sea was there before the station, and will be there after it.", { blockquote: true }),
  ...line("Coffee at San Marco, then up to the castle on foot", { list: "ordered" }),
  ...line("The Rilke path, if the bora lets us", { list: "ordered" }),
];

test("docs/images/app.png", async ({ meet, server }) => {
  const { id } = await server.create({ title: "Trieste, in May", content });
  const mira = await meet("Mira Okafor", { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1.5 });
  const noor = await meet("Noor Haddad");
  const jonas = await meet("Jonas Weber");
  for (const person of [mira, noor, jonas]) await person.open(id);

  const text = await mira.text();
  await noor.select(text.indexOf(" and wake up by the sea"));
  await noor.type(", platform 8,");
  await jonas.select(text.indexOf("Somebody brings cards") + 13);
  await jonas.page.keyboard.press("End");
  await jonas.type(", and a torch");
  await agree(server, id, mira, noor, jonas);
  const written = await mira.text();
  const from = written.indexOf("whether we may");
  await jonas.select(from, "whether we may leave the bags".length);
  await mira.select(written.length);
  await expect(mira.carets).toHaveCount(2);
  await expect.poll(() => mira.page.evaluate(() =>
    [...CSS.highlights.values()].flatMap((each) => [...each]).map(String).join())).toBe("whether we may leave the bags");

  // The names go by themselves after a while; in a picture they stay.
  await mira.page.addStyleTag({ content: ".ql-cursor-flag { opacity: 1 !important; visibility: visible !important; }" });
  await mira.page.evaluate(() => document.fonts.ready);
  await mira.page.screenshot({ path: join(images, "app.png"), animations: "disabled" });
});
