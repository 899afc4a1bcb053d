// The editor's content against the document's.
import { Delta } from "@cloudsync/client";
import { expect, test } from "vitest";
import { needsTail, tailAfter, tailGone, toDocument, toEditor, unknownEmbed } from "./content.js";

const knows = (embed: string): boolean => embed === "image";

test("What is shown has the length of the document, whatever it holds", () => {
  const content = new Delta()
    .insert("one\r\ntwo\rthree", { bold: true })
    .insert({ chart: { of: [1, 2] } })
    .insert({ image: "/a.png" }, { link: "https://example.org" })
    .insert("\n");
  const shown = toEditor(content, knows);
  expect(shown.length()).toBe(content.length());
  expect(shown.ops[0]).toEqual({ insert: "one\u240d\ntwo\u240dthree", attributes: { bold: true } });
  expect(shown.ops[1]).toEqual({ insert: { [unknownEmbed]: { chart: { of: [1, 2] } } } });
  expect(shown.ops[2]).toEqual(content.ops[2]);
});

test("An embed that the editor doesn't know comes back whole when it is moved", () => {
  const embed = new Delta().retain(3).insert({ chart: { of: [1, 2] } }, { width: 3 });
  expect(toDocument(toEditor(embed, knows))).toEqual(embed);
});

test("A change inside an embed moves nothing", () => {
  const change = new Delta().retain(2).retain({ chart: { add: 3 } }).insert("x");
  expect(toEditor(change, knows)).toEqual(new Delta().retain(3).insert("x"));
});

test("A tail is needed unless the last thing is a newline", () => {
  expect(needsTail(new Delta())).toBe(true);
  expect(needsTail(new Delta().insert("a"))).toBe(true);
  expect(needsTail(new Delta().insert("a\n").insert({ image: "/a.png" }))).toBe(true);
  expect(needsTail(new Delta().insert("\n"))).toBe(false);
  expect(needsTail(new Delta().insert("a").insert("\n", { header: 1 }))).toBe(false);
});

test("A tail added and taken away is nothing", () => {
  const content = new Delta().insert("abc");
  expect(content.compose(tailAfter(3)).compose(tailGone(3))).toEqual(content);
});
