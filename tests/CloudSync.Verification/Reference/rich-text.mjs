// What quill-delta makes of rich text. Embeds that have a handler in the engine, too (VerifiedEmbeds.cs), have the equal
// one here. For the other types in the cases one is registered that states our rule for embeds without a handler: a
// change replaces the embed's data.
import { createRequire } from 'node:module';

const Delta = createRequire(import.meta.url)('quill-delta').default;

const replace = {
  compose: (_before, after) => after,
  transform: (over, own, priority) => (priority ? over : own),
  invert: (_change, before) => before,
};
for (const type of ['image', 'formula', 'card', '7']) Delta.registerEmbed(type, replace);

// Our other rule: composing a change of an embed with a later null attribute, quill-delta forgets the null, and so the
// removal that it stands for. Here it stays, as it does over any other retain. compose takes a piece of the first delta,
// then one of the second, then calls AttributeMap.compose: the piece before the last is the first's.
const { AttributeMap, OpIterator } = Delta;
const publishedCompose = AttributeMap.compose;
const publishedNext = OpIterator.prototype.next;
let [first, second] = [];
OpIterator.prototype.next = function next(length) {
  [first, second] = [second, publishedNext.call(this, length)];
  return second;
};
AttributeMap.compose = (a, b, keepNull) => publishedCompose(a, b, keepNull || typeof first.retain === 'object');

// A delta within a delta, as quill-delta's own tests have it. Composing within a composition must not forget what the
// outer one stands on.
Delta.registerEmbed('delta', {
  compose: (a, b) => {
    const outer = [first, second];
    const { ops } = new Delta(a).compose(new Delta(b));
    [first, second] = outer;
    return ops;
  },
  transform: (a, b, priority) => new Delta(a).transform(new Delta(b), priority).ops,
  invert: (change, before) => new Delta(change).invert(new Delta(before)).ops,
});

// A record: its members are merged as attributes are.
Delta.registerEmbed('record', {
  compose: (a, b, keepNull) => publishedCompose(a, b, keepNull) ?? {},
  transform: (a, b, priority) => AttributeMap.transform(a, b, priority) ?? {},
  invert: (change, before) => AttributeMap.invert(change, before),
});

// quill-delta's transform and transformPosition are called on what came first.
export const richText = {
  'rich-text.apply': (c) => new Delta(c.document).compose(new Delta(c.operation)),
  'rich-text.compose': (c) => new Delta(c.first).compose(new Delta(c.second)),
  'rich-text.transform-left': (c) => new Delta(c.over).transform(new Delta(c.operation), false),
  'rich-text.transform-right': (c) => new Delta(c.over).transform(new Delta(c.operation), true),
  'rich-text.position-left': (c) => new Delta(c.over).transformPosition(c.position, true),
  'rich-text.position-right': (c) => new Delta(c.over).transformPosition(c.position, false),
  'rich-text.invert': (c) => new Delta(c.operation).invert(new Delta(c.document)),
};
