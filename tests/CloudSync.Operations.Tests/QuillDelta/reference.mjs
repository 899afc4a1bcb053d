// Answers, line by line, what quill-delta makes of a case: {do, a, b, priority} in, {ok} or {error} out.
// For every type of embed a handler is registered that states our rule: a change replaces the embed's data.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const Delta = createRequire(import.meta.url)('quill-delta').default;

const replace = {
  compose: (_before, after) => after,
  transform: (over, own, priority) => (priority ? over : own),
  invert: (_change, before) => before,
};
for (const type of ['image', 'formula', 'card']) Delta.registerEmbed(type, replace);

const answers = {
  compose: (c) => new Delta(c.a).compose(new Delta(c.b)),
  transform: (c) => new Delta(c.a).transform(new Delta(c.b), c.priority),
  position: (c) => new Delta(c.a).transformPosition(c.b, c.priority),
  invert: (c) => new Delta(c.a).invert(new Delta(c.b)),
  push: (c) => c.a.reduce((delta, op) => delta.push(op), new Delta()).chop(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { ok: answers[question.do](question) };
  } catch (error) {
    answer = { error: String(error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
