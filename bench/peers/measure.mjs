// Types a recorded session into one peer, and prints what it took as one JSON object.
//
//   node measure.mjs PEER FILE LIMIT_SECONDS
//
// Each peer gets the edits as positions and strings, with nothing to decode and nothing to send, and in the way that its own
// documentation gives for an editor: what is measured is what it costs it to take a local edit. (Ours decodes each from its
// wire bytes.) A run that takes longer than the limit is stopped, and says how far it came.
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Each peer: a function that starts a document with a text, and returns how to edit it and how to read it. */
const peers = {
  "quill-delta": async () => {
    const { default: Delta } = await import("quill-delta");
    return (text) => {
      let content = new Delta().insert(text);
      return {
        edit(position, deleted, inserted) {
          content = content.compose(new Delta().retain(position).insert(inserted).delete(deleted));
        },
        read: () => content.ops.map((op) => op.insert).join(""),
      };
    };
  },
  "ot-text-unicode": async () => {
    const { type } = await import("ot-text-unicode");
    return (text) => {
      let content = type.create(text);
      return {
        edit(position, deleted, inserted) {
          const operation = [];
          if (position > 0) operation.push(position);
          if (inserted !== "") operation.push(inserted);
          if (deleted > 0) operation.push({ d: deleted });
          content = type.apply(content, operation);
        },
        read: () => content,
      };
    };
  },
  yjs: async () => {
    const Y = await import("yjs");
    return (start) => {
      const text = new Y.Doc().getText("text");
      text.insert(0, start);
      return {
        edit(position, deleted, inserted) {
          if (deleted > 0) text.delete(position, deleted);
          if (inserted !== "") text.insert(position, inserted);
        },
        read: () => text.toString(),
      };
    };
  },
  "loro-crdt": async () => {
    const { LoroDoc } = await import("loro-crdt");
    return (start) => {
      const document = new LoroDoc();
      const text = document.getText("text");
      text.insert(0, start);
      return {
        edit(position, deleted, inserted) {
          if (deleted > 0) text.delete(position, deleted);
          if (inserted !== "") text.insert(position, inserted);
        },
        finish: () => document.commit(),
        read: () => text.toString(),
      };
    };
  },
  // All edits in one change: one for each would take it many times as long.
  "@automerge/automerge": async () => {
    const Automerge = await import("@automerge/automerge");
    return (start) => {
      let document = Automerge.from({ text: start });
      return {
        all(edits) {
          document = Automerge.change(document, (draft) => {
            for (const edit of edits()) Automerge.splice(draft, ["text"], edit[0], edit[1], edit[2]);
          });
        },
        read: () => document.text,
      };
    };
  },
  "diamond-types-node": async () => {
    const { Doc } = (await import("diamond-types-node")).default;
    return (start) => {
      const document = new Doc("peer");
      if (start !== "") document.ins(0, start);
      return {
        edit(position, deleted, inserted) {
          if (deleted > 0) document.del(position, deleted);
          if (inserted !== "") document.ins(position, inserted);
        },
        read: () => document.get(),
        free: () => document.free(),
      };
    };
  },
};

/** Bytes of this process, as Linux counts them. */
function memory(what) {
  return Number(new RegExp(`^${what}:\\s*(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;
}

const RUNS_MAX = 7;
// As ours: code gets quicker while it runs.
const WARM_UP_MS = 2000;
const CHECK_EVERY = 256;

const [name, file, limit] = process.argv.slice(2);
const limit_ms = Number(limit) * 1000;
const trace = JSON.parse(file.endsWith(".gz") ? gunzipSync(readFileSync(file)) : readFileSync(file));
const patches = trace.txns.flatMap((txn) => txn.patches);
const start = await peers[name]();
// What reading the file took is given back, and the peak counted anew.
globalThis.gc?.();
writeFileSync("/proc/self/clear_refs", "5");
const before = memory("VmRSS");

const runs = [];
let stoppedAfter;
let matches = true;
let first;
for (let spent = 0; runs.length < RUNS_MAX && (first === undefined || spent + first < limit_ms + WARM_UP_MS); ) {
  globalThis.gc?.();
  const began = performance.now();
  let done = 0;
  function* untilTheLimit() {
    for (const patch of patches) {
      if (done % CHECK_EVERY === 0 && performance.now() - began > limit_ms) return;
      yield patch;
      done++;
    }
  }
  const peer = start(trace.startContent);
  if (peer.all) peer.all(untilTheLimit);
  else {
    // Not through the generator, which would be paid for with each edit.
    for (; done < patches.length; done++) {
      if (done % CHECK_EVERY === 0 && performance.now() - began > limit_ms) break;
      const patch = patches[done];
      peer.edit(patch[0], patch[1], patch[2]);
    }
    peer.finish?.();
  }
  const ms = performance.now() - began;
  spent += ms;
  if (done < patches.length) {
    stoppedAfter = { edits: done, ms };
    break;
  }
  matches &&= peer.read() === trace.endContent;
  peer.free?.();
  // Of one that is slow, nothing is thrown away but the first.
  if (first === undefined) first = ms;
  else if (spent > WARM_UP_MS || spent > 2 * first + WARM_UP_MS / 2) runs.push(ms);
}

const peak = memory("VmHWM");
console.log(JSON.stringify({ name, ms: first === undefined ? [] : [first, ...runs], stopped_after: stoppedAfter, matches, before_bytes: before, peak_bytes: peak }));
process.exit(0);
