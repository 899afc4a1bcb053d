// What ot-json0 makes of JSON operations, with text0 and rich-text as subtypes; and, written down a second time, the
// rules that CloudSync adds (docs/json.md): what an operation has to look like, and that JSON must stay JSON.
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';

const require = createRequire(import.meta.url);
const json0 = require('ot-json0').type;
const richText = require('rich-text').type;
const Delta = require('quill-delta').default;
// Composing, quill-delta copies what follows a change as it was written; our engine writes that in canonical form too.
json0.registerSubtype({ ...richText, compose: (first, second) => new Delta(canonical(richText.compose(first, second).ops)) });

const maxDepth = 128;
const actions = { li: 'list', ld: 'list', oi: 'object', od: 'object', si: 'si', sd: 'sd', lm: 'lm', na: 'na', t: 'sub', o: 'sub' };

function refuse(why) {
  throw new Error(`refused by CloudSync's own rules: ${why}`);
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlace = (value) => Number.isSafeInteger(value) && value >= 0;

// Throws for what isn't JSON: of a member that is undefined JSON.stringify leaves nothing, and so it does no harm.
function checkJson(value, depth = 0, inList = false) {
  if (value === undefined && !inList && depth > 0) return;
  if (typeof value === 'string') {
    if (!value.isWellFormed()) refuse('half a surrogate pair');
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) refuse('no finite number');
  } else if (typeof value === 'object') {
    if (value === null) return;
    if (depth >= maxDepth) refuse('too deep');
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) checkJson(value[i], depth + 1, true);
      return;
    }
    for (const [name, inner] of Object.entries(value)) {
      if (name === '__proto__') refuse('__proto__');
      checkJson(name);
      checkJson(inner, depth + 1);
    }
  } else if (typeof value !== 'boolean') {
    refuse('not JSON');
  }
}

const depthOf = (value) =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;

function checkDelta(ops, isDocument) {
  if (!Array.isArray(ops)) refuse('no delta');
  for (const op of ops) {
    if (!isObject(op)) refuse('no component of a delta');
    const { attributes, ...rest } = op;
    const keys = Object.keys(rest);
    if (keys.length !== 1) refuse('no component of a delta');
    const value = rest[keys[0]];
    if ('attributes' in op && !isObject(attributes) && !(isDocument && attributes === null)) refuse('no attributes');
    if ('attributes' in op && !isDocument && Object.keys(attributes).length === 0) refuse('no attributes');
    // As for rich-text documents: no attribute is named as what every object has, and nothing is nested deeper than 32.
    if (Object.keys(attributes ?? {}).some((name) => name in Object.prototype)) refuse('no name of an attribute');
    if (depthOf(attributes) > 32 || (isObject(value) && depthOf(value) > 32)) refuse('too deep');
    const length = Number.isInteger(value) && value >= (isDocument ? 0 : 1) && value <= 2147483647;
    const isEmbed = isObject(value) && Object.keys(value).length > 0;
    if (keys[0] === 'insert' ? !((typeof value === 'string' && (isDocument || value !== '')) || isObject(value))
      : keys[0] === 'retain' ? !length && !(isEmbed && Object.keys(value).length === 1)
        : !(keys[0] === 'delete' && length && !('attributes' in op))) refuse('no component of a delta');
  }
}

// Rich text that somebody has written otherwise than quill-delta writes it comes to be written so.
function canonical(ops) {
  const delta = new Delta();
  for (const { attributes, ...op } of ops) {
    if (op.insert === '' || op.retain === 0 || op.delete === 0) continue;
    delta.push(attributes && Object.keys(attributes).length > 0 ? { ...op, attributes } : op);
  }
  return delta.ops;
}

function checkEdits(edits) {
  if (!Array.isArray(edits)) refuse('no operation of text0');
  for (const edit of edits) {
    if (!isObject(edit) || Object.keys(edit).length !== 2 || !isPlace(edit.p)
      || typeof (edit.i ?? edit.d) !== 'string') refuse('no edit of text0');
  }
}

function checkOperation(operation) {
  if (!Array.isArray(operation)) refuse('no list of components');
  for (const c of operation) {
    if (!isObject(c)) refuse('no component');
    const does = new Set();
    for (const name of Object.keys(c)) {
      if (name === 'p') continue;
      if (actions[name] === undefined || !Object.hasOwn(actions, name)) refuse('a member that is none');
      does.add(actions[name]);
    }
    if (!Array.isArray(c.p) || does.size !== 1) refuse('no path, or not one thing');
    for (const key of c.p) {
      if (typeof key === 'string') checkJson(key);
      if (key === '__proto__' || (typeof key !== 'string' && !isPlace(key))) refuse('no path');
    }
    const isText = does.has('si') || does.has('sd');
    if (c.p.length > maxDepth + (isText ? 1 : 0)) refuse('the path is too long');
    if ((isText || does.has('list') || does.has('lm')) && typeof c.p.at(-1) !== 'number') refuse('no place');
    for (const name of ['li', 'ld', 'oi', 'od']) if (name in c) checkJson(c[name]);
    for (const name of ['si', 'sd', 't']) {
      if (name in c && typeof c[name] !== 'string') refuse('no text');
      if (name in c) checkJson(c[name]);
    }
    if ('na' in c && !Number.isFinite(c.na)) refuse('no number');
    if ('lm' in c && !isPlace(c.lm)) refuse('no place');
    if (does.has('sub')) {
      if (!('t' in c && 'o' in c)) refuse('t and o');
      checkJson(c.o);
      if (c.t === 'text0') checkEdits(c.o);
      else if (c.t === 'rich-text') {
        if (isObject(c.o) && Object.keys(c.o).join() !== 'ops') refuse('no delta');
        checkDelta(isObject(c.o) ? c.o.ops : c.o, false);
      } else refuse('no such subtype');
    }
  }
}

// What a path leads to is content: a member, or an item of a list.
function find(document, path) {
  let value = document;
  for (const key of path) {
    if (Array.isArray(value) ? !(isPlace(Number(key)) && String(key) === String(Number(key))) : !isObject(value)) refuse('no such path');
    value = Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

function applyOne(document, c) {
  const path = 'si' in c || 'sd' in c ? c.p.slice(0, -1) : c.p;
  const there = find(document, path);
  const inList = path.length > 0 && Array.isArray(find(document, path.slice(0, -1)));
  if (c.t === 'text0') {
    if (c.o.length > 0 && typeof there !== 'string') refuse('no text');
    if (inList && there === undefined) refuse('no item');
    for (const edit of c.o) {
      document = publishedApply(document, [{ ...c, o: [edit] }]);
      checkJson(find(document, path));
    }
    return document;
  }
  if (c.t === 'rich-text') {
    const ops = Array.isArray(there) ? there : there?.ops;
    if (Array.isArray(ops)) {
      checkDelta(ops, true);
      ops.splice(0, ops.length, ...canonical(ops));
    }
  }
  if (('si' in c || 'sd' in c) && typeof there !== 'string') refuse('no text');
  document = publishedApply(document, [c]);
  checkJson(document);
  return document;
}

// transform applies what happened within a value to the copy of it that a component deletes.
const publishedApply = json0.apply;
json0.apply = (document, operation) => operation.reduce(applyOne, document);

function apply(document, operation) {
  checkOperation(operation);
  return operation.reduce(applyOne, document);
}

// Two numbers whose sum is none that JSON has stay two components.
const publishedAppend = json0.append;
json0.append = (to, c) => {
  const last = to.at(-1);
  if (last?.na != null && c.na != null && !Number.isFinite(last.na + c.na)) to.push(structuredClone(c));
  else publishedAppend(to, c);
};
require('ot-json0/lib/bootstrapTransform')(json0, json0.transformComponent, json0.checkValidOp, json0.append);

function checked(result) {
  checkJson(JSON.parse(JSON.stringify(result)));
  // In the result itself a number could be one that JSON doesn't have.
  checkJson(result);
  return result;
}

function transform(operation, over, side) {
  checkOperation(operation);
  checkOperation(over);
  return checked(json0.transform(operation, over, side));
}

const copy = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

// rich-text has no invert, for it needs the document. Where nothing or something else stood before, that is put back.
function invertRichText(c, before, isInList) {
  const ops = Array.isArray(before) ? before : before?.ops;
  const document = Array.isArray(ops) ? new Delta(canonical(ops)) : undefined;
  const inverse = new Delta(c.o).invert(new Delta(document));
  const after = richText.apply(document, c.o);
  if (isObject(before) && isDeepStrictEqual(copy(richText.apply(after, inverse)), before)) return { p: c.p, t: c.t, o: inverse };
  const back = { p: c.p, [isInList ? 'ld' : 'od']: after };
  if (before !== undefined) back[isInList ? 'li' : 'oi'] = before;
  return back;
}

function invert(document, operation) {
  checkOperation(operation);
  const inverse = [];
  for (const c of operation) {
    if (c.t === 'rich-text') {
      const isInList = c.p.length > 0 && Array.isArray(find(document, c.p.slice(0, -1)));
      inverse.unshift(invertRichText(c, copy(find(document, c.p)), isInList));
    } else inverse.unshift(json0.invertComponent(c));
    document = applyOne(document, c);
  }
  return inverse;
}

export const json = {
  'json.apply': (c) => apply(c.document, c.operation),
  'json.compose': (c) => {
    checkOperation(c.first);
    checkOperation(c.second);
    return checked(json0.compose(c.first, c.second));
  },
  'json.transform-left': (c) => transform(c.operation, c.over, 'left'),
  'json.transform-right': (c) => transform(c.operation, c.over, 'right'),
  'json.invert': (c) => invert(c.document, c.operation),
};
