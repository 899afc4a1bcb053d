// A client in a network that breaks WebSockets comes through all the same, and leaves no network it has no need to leave.
import Delta from "quill-delta";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ClientOptions, Timers, WebSocketLike } from "../src/api.js";
import type { CloudSyncClient } from "../src/client.js";
import { EventReader } from "../src/event-reader.js";
import { PolledSocket } from "../src/polled-socket.js";
import { Transports } from "../src/transports.js";
import { BreakingProxy, type Breaking } from "./support/breaking-proxy.js";
import { useRealServer } from "./support/real-server.js";
import { isServerBuilt } from "./support/server-process.js";
import { VirtualTime } from "./support/virtual-time.js";

const user = { id: "u1", name: "Ada", color: "#336699" };

// All that has to be waited for takes a tenth of its time.
const quick: Timers = {
  now: () => performance.now() * 10,
  setTimeout: (callback, delay_ms) => setTimeout(callback, delay_ms / 10),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

describe.skipIf(!isServerBuilt)("before the real server", () => {
  const server = useRealServer();
  let proxy: BreakingProxy;

  afterEach(async () => {
    server.closeClients();
    await proxy.stop();
  });

  async function through(breaking: Breaking | undefined, options: Partial<ClientOptions> = {}): Promise<CloudSyncClient> {
    proxy = new BreakingProxy(server.process.url, breaking);
    await proxy.start();
    return server.connect("Ada", { url: proxy.url, timers: quick, ...options });
  }

  async function writes(client: CloudSyncClient, id: string, text: string): Promise<void> {
    const document = client.open(id);
    await document.ready;
    document.submit(new Delta().insert(text));
    await document.saved();
  }

  const create = (): Promise<string> => server.create("text");

  const live = (client: CloudSyncClient): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (client.state.kind === "live") (off(), resolve());
      };
      const off = client.on("state", look);
      look();
    });

  const broken: [Breaking, number][] = [["refuses", 2], ["swallows", 1], ["cuts", 2], ["cuts later", 3]];

  it.each(broken)("a client whose network %s WebSockets writes over plain requests", async (breaking, upgrades) => {
    const id = await create();
    const client = await through(breaking);
    await writes(client, id, "Hello");
    expect(proxy.upgrades).toBe(upgrades);
    expect(proxy.requests).toContain("GET text/event-stream");
    // And comes back the same way at once.
    proxy.cut();
    await writes(client, id, "Again");
    expect(proxy.upgrades).toBe(upgrades);
  });

  it("a client whose network holds streams back as well reads by single polls, on the same connection", async () => {
    const id = await create();
    const client = await through("refuses");
    proxy.holdsStreams = true;
    await writes(client, id, "Hello");
    await writes(client, id, "Again");
    expect(proxy.requests.filter((request) => request === "GET text/event-stream").length).toBe(1);
    expect(proxy.requests.filter((request) => request === "GET */*").length).toBeGreaterThan(1);
  });

  it("a client uses a WebSocket where there is one", async () => {
    const id = await create();
    const client = await through(undefined);
    await writes(client, id, "Hello");
    expect(proxy.requests).toEqual([]);
  });

  it("a client that has no token at first doesn't blame its network", async () => {
    const id = await create();
    let asked = 0;
    const token = async (): Promise<string> => {
      if (++asked < 4) throw new Error("Not yet.");
      return "token";
    };
    const client = await through(undefined, { token });
    await writes(client, id, "Hello");
    expect([proxy.upgrades, proxy.requests]).toEqual([4, []]);
  });

  it("a client moves to a WebSocket when its network lets it, with all that is unsaved", async () => {
    const id = await create();
    const client = await through("refuses");
    await writes(client, id, "Hello");
    proxy.breaking = undefined;
    const document = client.open(id);
    const moved = new Promise<void>((resolve) => client.on("state", ({ kind }) => void (kind === "connecting" && resolve())));
    await moved;
    document.submit(new Delta().insert("Again"));
    await document.saved();
    proxy.requests = [];
    await writes(client, id, "!");
    expect([proxy.requests, document.content]).toEqual([[], new Delta().insert("!AgainHello")]);
  });

  it("without a class of WebSockets a client uses plain requests", async () => {
    vi.stubGlobal("WebSocket", undefined);
    try {
      const client = await through(undefined, { WebSocket: undefined as never });
      await writes(client, await create(), "Hello");
      expect([proxy.upgrades, proxy.requests.includes("GET text/event-stream")]).toEqual([0, true]);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("a client that is told to poll does nothing else", async () => {
    const id = await create();
    const client = await through(undefined, { transport: "polling" });
    await writes(client, id, "Hello");
    expect([proxy.upgrades, proxy.requests.includes("GET text/event-stream")]).toEqual([0, false]);
  });

  it.each(["sse", "polling"] as const)("nothing is lost or doubled over %s in a network that cuts everything again and again", async (transport) => {
    const id = await create();
    const client = await through("refuses", { transport });
    const document = client.open(id);
    await document.ready;
    let text = "";
    for (let number = 0; number < 150; number++) {
      text += `<${number}>`;
      document.submit(new Delta().retain(text.length - `<${number}>`.length).insert(`<${number}>`));
      if (number % 10 === 9) proxy.cut();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await document.saved();
    await live(client);
    expect(document.content).toEqual(new Delta().insert(text));
    const read = server.connect("cold").open(id);
    await read.ready;
    expect(read.content).toEqual(new Delta().insert(text));
  });

  it.each(["sse", "polling"] as const)("a document of many megabytes comes whole over %s", async (transport) => {
    const id = await create();
    const writer = await through(undefined);
    const line = `${"x".repeat(99)}\n`;
    const document = writer.open(id);
    await document.ready;
    for (let part = 0; part < 8; part++) {
      document.submit(new Delta().insert(line.repeat(9_000)));
      await document.saved();
    }
    const read = server.connect("Ben", { url: proxy.url, transport }).open(id);
    await read.ready;
    expect(read.content).toEqual(document.content);
  });

  it("a refusal is one over plain requests, too", async () => {
    const client = await through("refuses", { transport: "polling", clientId: "7" });
    const nowhere = client.open("nowhere");
    await expect(nowhere.ready).rejects.toMatchObject({ code: "DOCUMENT_NOT_FOUND" });
    expect(client.state.kind).toBe("live");
  });
});

describe("which way to connect", () => {
  class FakeSocket implements WebSocketLike {
    binaryType = "";
    onopen: ((event: any) => void) | null = null;
    onmessage: ((event: any) => void) | null = null;
    onclose: ((event: any) => void) | null = null;
    onerror: ((event: any) => void) | null = null;
    isClosed = false;
    send(): void {}
    close(): void {
      this.isClosed = true;
    }
  }

  function choose() {
    const time = new VirtualTime();
    const opened: [string, FakeSocket][] = [];
    const open = (kind: string) => () => {
      const socket = new FakeSocket();
      opened.push([kind, socket]);
      return socket;
    };
    const transports = new Transports({ url: "ws://x", user }, time, { websocket: open("websocket"), polled: open("polled") });
    let moves = 0;
    return {
      time,
      transports,
      /** Connects, and what became of it. */
      attempt(fate: "fails" | "answers" | "works" | "hangs" | "is cut off" | "is closed" | "lasts"): [string, boolean | undefined] {
        transports.connect("ws://x");
        if (fate !== "fails" && fate !== "hangs") transports.heard();
        if (fate === "works" || fate === "lasts" || fate.startsWith("is")) transports.welcomed(() => moves++);
        if (fate === "lasts") time.advance(10_000);
        const ended = () => transports.ended(fate === "hangs" ? "late" : fate === "is closed" ? "told" : "cut");
        return [opened.at(-1)![0], fate === "works" ? undefined : ended()];
      },
      get trial() {
        return opened.at(-1)!;
      },
      get moves() {
        return moves;
      },
    };
  }

  it("two WebSockets that fail are followed by plain requests at once, and by one again when those fail", () => {
    const { attempt } = choose();
    const seen = Array.from({ length: 6 }, () => attempt("fails"));
    expect(seen).toEqual([
      ["websocket", false], ["websocket", true], ["polled", false], ["websocket", true], ["polled", false], ["websocket", true],
    ]);
  });

  it("one that hangs is enough, and one on which the server has spoken is none", () => {
    const { attempt } = choose();
    expect([attempt("answers"), attempt("answers"), attempt("answers")]).toEqual(Array(3).fill(["websocket", false]));
    expect([attempt("hangs"), attempt("fails")]).toEqual([["websocket", true], ["polled", false]]);
  });

  it("a server that was down is found over a WebSocket again", () => {
    const { attempt } = choose();
    for (let times = 0; times < 7; times++) attempt("fails");
    expect(attempt("fails")[0]).toBe("websocket");
    expect(attempt("fails")[0]).toBe("polled");
    expect(attempt("works")).toEqual(["websocket", undefined]);
    expect([attempt("fails"), attempt("fails")]).toEqual([["websocket", false], ["websocket", true]]);
  });

  it("what works is kept to, and WebSockets are tried beside it more and more rarely, an hour apart in the end", () => {
    const { attempt, time, ...rest } = choose();
    const { transports } = rest;
    attempt("hangs");
    expect(attempt("works")[0]).toBe("polled");
    transports.ended("cut");
    expect(attempt("works")[0]).toBe("polled");
    const chosen = choose();
    chosen.attempt("hangs");
    chosen.attempt("works");
    const waits: number[] = [];
    for (let trial = 0; trial < 9; trial++) {
      const before = chosen.trial[1];
      const began = chosen.time.now();
      while (chosen.trial[1] === before) chosen.time.advance(1_000);
      waits.push(Math.round((chosen.time.now() - began) / 60_000));
      expect(chosen.trial[0]).toBe("websocket");
      chosen.trial[1].onclose?.({});
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it("a WebSocket that holds for a moment is moved to, one that is cut off is not", () => {
    const chosen = choose();
    chosen.attempt("hangs");
    chosen.attempt("works");
    chosen.time.advance(60_000);
    chosen.trial[1].onopen?.({});
    chosen.time.advance(1_000);
    chosen.trial[1].onclose?.({});
    chosen.time.advance(10_000);
    expect(chosen.moves).toBe(0);
    chosen.time.advance(110_000);
    chosen.trial[1].onopen?.({});
    chosen.time.advance(2_000);
    expect([chosen.moves, chosen.trial[1].isClosed]).toEqual([1, true]);
    chosen.transports.ended("told");
    expect(chosen.attempt("works")[0]).toBe("websocket");
  });

  it("three that are cut off soon after the welcome are followed by plain requests", () => {
    const { attempt } = choose();
    expect([attempt("is cut off"), attempt("is cut off"), attempt("is cut off"), attempt("works")]).toEqual([
      ["websocket", false], ["websocket", false], ["websocket", true], ["polled", undefined],
    ]);
  });

  it("one that has lasted, or that the server has closed, is not among them", () => {
    const { attempt } = choose();
    for (const fate of ["is cut off", "is cut off", "lasts", "is cut off", "is closed", "is closed", "is cut off"] as const)
      expect(attempt(fate)).toEqual(["websocket", false]);
    expect(attempt("is cut off")).toEqual(["websocket", true]);
  });

  it("one that is moved to and cut off again is tried more and more rarely", () => {
    const chosen = choose();
    for (let cuts = 0; cuts < 3; cuts++) chosen.attempt("is cut off");
    for (const minutes of [1, 2, 4]) {
      expect(chosen.attempt("works")[0]).toBe("polled");
      chosen.time.advance(minutes * 60_000 - 1);
      expect(chosen.trial[0]).toBe("polled");
      chosen.time.advance(1);
      expect(chosen.trial[0]).toBe("websocket");
      chosen.trial[1].onopen?.({});
      chosen.time.advance(2_000);
      chosen.transports.ended("told");
      expect(chosen.attempt("is cut off")).toEqual(["websocket", true]);
    }
  });

  it("no trial outlives its connection", () => {
    const chosen = choose();
    chosen.attempt("hangs");
    chosen.attempt("works");
    chosen.time.advance(60_000);
    chosen.transports.ended("cut");
    expect([chosen.trial[1].isClosed, chosen.time.waiting]).toEqual([true, 0]);
  });

  it("in another network nothing of it holds", () => {
    const { attempt, transports } = choose();
    attempt("hangs");
    attempt("works");
    transports.ended("cut");
    transports.forget();
    expect(attempt("fails")).toEqual(["websocket", false]);
  });
});

describe("events", () => {
  it("are read from text in any parts, and count when they are complete", () => {
    const text = ":\n\nid: 1\ndata: YQ==\n\nid: 2\nevent: piece\ndata: Yg==\n\nevent: close\ndata: 4000 Come back: later.\n\nid: 3\ndata: Yw==\n";
    const expected = [
      { name: "message", id: 1, data: "YQ==" },
      { name: "piece", id: 2, data: "Yg==" },
      { name: "close", id: 0, data: "4000 Come back: later." },
    ];
    for (let size = 1; size <= text.length; size++) {
      const reader = new EventReader();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...reader.read(text.slice(at, at + size)));
      expect(events).toEqual(expected);
    }
  });
});

describe("a connection over plain requests", () => {
  const timers = quick;

  /** A socket before a server that answers as the test says, and how it ended. */
  function connect(answer: (method: string, init: RequestInit, url: URL) => Response | Promise<Response>) {
    const asked: string[] = [];
    const fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
      const url = new URL(String(input));
      asked.push(`${init.method} ${url.searchParams.get("after") ?? ""}`.trim());
      return answer(init.method!, init, url);
    };
    const socket = new PolledSocket("ws://x/sync", { fetch, timers, polls: "single" });
    return { socket, asked, closed: new Promise<any>((resolve) => (socket.onclose = resolve)) };
  }

  const opened = (): Response => new Response('{"key":"k"}', { status: 201 });

  it.each([[401, 4106], [403, 4106], [404, 1006], [500, 1006]])("that is answered %i ends with %i", async (status, code) => {
    const { closed } = connect(() => new Response("", { status }));
    expect(await closed).toMatchObject({ code });
  });

  it("hears how long to stay away", async () => {
    const { closed } = connect(() => new Response("", { status: 503, headers: { "retry-after": "7" } }));
    expect(await closed).toEqual({ code: 1006, reason: "The server answered 503.", retryAfterMs: 7_000 });
  });

  it("gives up a server that answers nonsense without an end", async () => {
    const { asked, closed } = connect((method) => (method === "POST" ? opened() : new Response("<html></html>")));
    expect(await closed).toMatchObject({ code: 1006 });
    expect(asked).toEqual(["POST", "GET 0", "GET 0", "GET 0", "GET 0", "GET 0"]);
  });

  it("asks again behind what it has, and takes nothing twice", async () => {
    const parts = ["id: 1\nevent: piece\ndata: YQ==\n\nid: 2\nda", "id: 1\ndata: eA==\n\nid: 2\ndata: Yg==\n\n", "event: close\ndata: 4000 Bye.\n\n"];
    const heard: string[] = [];
    const { socket, asked, closed } = connect((method) => (method === "POST" ? opened() : new Response(parts.shift())));
    socket.onmessage = ({ data }) => heard.push(new TextDecoder().decode(data));
    expect(await closed).toEqual({ code: 4000, reason: "Bye." });
    expect([heard, asked]).toEqual([["ab"], ["POST", "GET 0", "GET 1", "GET 2"]]);
  });

  it("posts what failed again under its number, and puts what waits into one frame", async () => {
    const posted: [string, number][] = [];
    let failures = 2;
    const { socket, closed } = connect((method, { headers, body }) => {
      const number = (headers as Record<string, string>)["cloudsync-frame"];
      if (number === undefined) return method === "POST" ? opened() : new Promise(() => {});
      posted.push([number, (body as Uint8Array).length]);
      if (posted.length === 4) return new Response("", { status: 404 });
      if (failures-- > 0) throw new TypeError("cut off");
      socket.send(new Uint8Array(2));
      socket.send(new Uint8Array(3));
      return new Response(null, { status: 204 });
    });
    socket.onopen = () => socket.send(new Uint8Array(1));
    await closed;
    expect(posted).toEqual([["1", 1], ["1", 1], ["1", 1], ["2", 5]]);
  });

  it("names the same document in all its requests, one that it makes up if it has none, and closes with its code", async () => {
    const named = new Set<string | null>();
    const deleted = new Promise<URL>((resolve) => {
      const { socket } = connect((method, _init, url) => {
        named.add(url.searchParams.get("document"));
        if (method === "DELETE") resolve(url);
        return method === "POST" && url.pathname === "/sync/polling" ? opened() : method === "GET" ? new Promise(() => {}) : new Response(null, { status: 204 });
      });
      socket.onopen = () => {
        socket.send(new Uint8Array(1));
        setImmediate(() => socket.close(4000));
      };
    });
    expect((await deleted).searchParams.get("code")).toBe("4000");
    expect([...named]).toEqual([expect.stringMatching(/^-\w+$/)]);
  });
});
