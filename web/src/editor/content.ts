// What the editor shows of a document, and what an edit in the editor is to the document.
//
// The two differ in three ways, and every position is the same in both:
// - Quill's content always ends with a newline. A document need not: one that was made elsewhere may be empty or end in
//   the middle of a line. Then the editor shows one newline more, the tail, which the document gets with the first
//   local edit. Until then nothing is written: to look at a document does not change it.
// - Quill turns "\r\n" into one character; "\r" is shown as a visible sign of the same length.
// - An embed that the editor does not know is shown as a labelled box that holds the embed whole.
import { Delta } from "@cloudsync/client";

type Op = Delta["ops"][number];

/** The embed that stands for one that the editor doesn't know. */
export const unknownEmbed = "unknown-embed";

/** How a document's operation or content is shown; `knows` says which embeds the editor can show itself. */
export function toEditor(delta: Delta, knows: (embed: string) => boolean): Delta {
  return delta.ops.reduce((shown, op) => shown.push(opToEditor(op, knows)), new Delta());
}

function opToEditor(op: Op, knows: (embed: string) => boolean): Op {
  if (typeof op.insert === "string") return { ...op, insert: op.insert.replaceAll("\r", "\u240d") };
  if (typeof op.insert === "object") {
    return knows(Object.keys(op.insert)[0] ?? "") ? op : { ...op, insert: { [unknownEmbed]: op.insert } };
  }
  // A change inside an embed: none that the editor knows can be changed, so only its place counts.
  return typeof op.retain === "object" ? { ...op, retain: 1 } : op;
}

/** What an edit in the editor means for the document. */
export function toDocument(delta: Delta): Delta {
  return new Delta(
    delta.ops.map((op) => {
      const held = typeof op.insert === "object" ? op.insert[unknownEmbed] : undefined;
      return held === undefined ? op : { ...op, insert: held as Record<string, unknown> };
    }),
  );
}

/** Whether the editor has to show a newline that the content doesn't have. */
export function needsTail(content: Delta): boolean {
  const last = content.ops[content.ops.length - 1]?.insert;
  return !(typeof last === "string" && last.endsWith("\n"));
}

/** The newline after `length` other code units. */
export function tailAfter(length: number): Delta {
  return new Delta().retain(length).insert("\n");
}

/** Takes the newline after `length` other code units away. */
export function tailGone(length: number): Delta {
  return new Delta().retain(length).delete(1);
}
