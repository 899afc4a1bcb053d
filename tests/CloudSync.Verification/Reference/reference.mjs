// Answers what the published JavaScript libraries make of a case. A line in: {"function":"rich-text.compose","cases":[…]};
// a line out: for each case {"ok": result}, or {"refused": message} where the library throws.
import { createInterface } from 'node:readline';
import { json } from './json.mjs';
import { richText } from './rich-text.mjs';

const functions = { ...richText, ...json };

function answer(run, question) {
  try {
    return { ok: run(question) };
  } catch (error) {
    return { refused: String(error?.message ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { function: name, cases } = JSON.parse(line);
  const run = functions[name];
  if (run === undefined) throw new Error(`the reference has no function ${name}`);
  process.stdout.write(JSON.stringify(cases.map((question) => answer(run, question))) + '\n');
}
