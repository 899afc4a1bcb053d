// A credential that is renewed while the client is at work.
import { describe, expect, it } from "vitest";
import type { ClientOptions } from "../src/api.js";
import { RefusedError } from "../src/errors.js";
import { ErrorCode, Retry } from "../src/generated/cloudsync/v1/frame_pb.js";
import type { Body } from "./support/memory-server.js";
import { insert, useStage } from "./support/stage.js";

const stage = useStage();

/** What the clients said, over all connections: Hello's tokens, and those given later. */
function listen(): { hellos: string[]; given: string[] } {
  const said = { hellos: [] as string[], given: [] as string[] };
  stage.server.intercept = (_socket, body) => {
    if (body.case === "hello") said.hellos.push(body.value.token);
    if (body.case === "authenticate") said.given.push(body.value.token);
    return false;
  };
  return said;
}

/** Answers the next token with an error instead. */
function refuseNextToken(code: ErrorCode, retry = Retry.NEVER): void {
  const before = stage.server.intercept;
  stage.server.intercept = (socket, body: Body) => {
    before(socket, body);
    if (body.case !== "authenticate") return false;
    stage.server.intercept = before;
    socket.send({ case: "error", value: { code, message: "No.", retry } });
    return true;
  };
}

/** Lets promises settle and the network do its part, over so many milliseconds. */
async function pass(time_ms: number): Promise<void> {
  for (let passed_ms = 0; passed_ms < time_ms; passed_ms += 1_000) {
    await Promise.resolve();
    stage.time.advance(Math.min(1_000, time_ms - passed_ms));
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

async function open(options: Partial<ClientOptions>) {
  const opened = stage.openDocument(options);
  await pass(20);
  return opened;
}

describe("a token", () => {
  it("is refreshed without reconnecting", async () => {
    const { hellos, given } = listen();
    const { client, document } = await open({ token: "one" });
    const renewed = client.renewToken("two");
    document.submit(insert("x"));
    stage.time.advance(20);
    await renewed;
    expect([hellos, given, stage.server.attempts]).toEqual([["one"], ["two"], 1]);
    expect([client.state.kind, stage.server.content("d")]).toEqual(["live", insert("xHello")]);
    stage.server.socket.drop();
    await pass(60_000);
    expect(hellos).toEqual(["one", "two"]);
  });

  it.each([
    ["TOKEN_INVALID", Retry.NEVER],
    ["TOKEN_OF_ANOTHER_USER", Retry.NEVER],
    ["TOKEN_NOT_CHECKED", Retry.LATER],
    ["TOO_MANY_TOKENS", Retry.LATER],
    ["UNKNOWN_MESSAGE", Retry.NEVER],
  ] as const)("that is refused (%s) changes nothing", async (code, retry) => {
    const { hellos } = listen();
    const { client, document } = await open({ token: "one" });
    refuseNextToken(ErrorCode[code], retry);
    const renewed = client.renewToken("bad");
    document.submit(insert("x"));
    stage.time.advance(20);
    const error = await renewed.then(() => undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ code });
    // An older server says so in words that are of no use to who called.
    expect((error as Error).message.includes("too old")).toBe(code === "UNKNOWN_MESSAGE");
    expect([client.state.kind, document.state.kind, stage.server.attempts]).toEqual(["live", "live", 1]);
    expect(stage.server.content("d")).toEqual(insert("xHello"));
    stage.server.socket.drop();
    await pass(60_000);
    expect(hellos).toEqual(["one", "one"]);
  });

  it("given while offline, or whose answer was lost, is said at the next connection", async () => {
    const { hellos, given } = listen();
    const { client } = await open({ token: "one" });
    const lost = client.renewToken("two");
    stage.server.socket.drop();
    stage.time.advance(5);
    expect(client.state.kind).toBe("offline");
    const offline = client.renewToken("three");
    await pass(60_000);
    await Promise.all([lost, offline]);
    expect([hellos, given]).toEqual([["one", "three"], []]);
  });

  it("brings a client back that was refused", async () => {
    stage.server.intercept = (socket, body) => {
      if (body.case !== "hello" || body.value.token === "good") return false;
      socket.send({ case: "error", value: { code: ErrorCode.UNAUTHORIZED, message: "Who?", retry: Retry.NEVER } });
      return true;
    };
    const { client, document } = await open({ token: "bad" });
    expect(client.state.kind).toBe("refused");
    const stillBad = client.renewToken("worse");
    stage.time.advance(20);
    await expect(stillBad).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    const renewed = client.renewToken("good");
    stage.time.advance(20);
    await renewed;
    expect([client.state.kind, document.state.kind]).toEqual(["live", "live"]);
  });

  it("of a function is renewed before it ends, again and again", async () => {
    stage.server.tokenValidForMs = 100_000n;
    const { hellos, given } = listen();
    let asked = 0;
    await open({ token: () => `token ${++asked}` });
    await pass(69_000);
    expect(given).toEqual([]);
    await pass(12_000);
    expect(given).toEqual(["token 2"]);
    await pass(69_000);
    expect(given.length).toBe(1);
    await pass(12_000);
    expect([hellos, given, stage.server.attempts]).toEqual([["token 1"], ["token 2", "token 3"], 1]);
  });

  it.each(["function", "server"])("whose renewal fails (%s) is renewed again before it ends", async (who) => {
    stage.server.tokenValidForMs = 100_000n;
    const { given } = listen();
    let asked = 0;
    const token = (): string => {
      if (++asked === 2 && who === "function") throw new Error("The issuer is away.");
      return `token ${asked}`;
    };
    const { client } = await open({ token });
    if (who === "server") refuseNextToken(ErrorCode.TOKEN_NOT_CHECKED, Retry.LATER);
    await pass(81_000);
    expect(asked).toBe(2);
    await pass(8_000);
    expect([asked, given.at(-1), client.state.kind]).toEqual([3, "token 3", "live"]);
  });

  it("is waited for by nobody when the client was closed", async () => {
    const { client } = await open({ token: "one" });
    const renewed = client.renewToken("two");
    client.close();
    await expect(renewed).rejects.toThrow("closed");
    await expect(client.renewToken("three")).rejects.toThrow("closed");
  });

  it("that a function gives only after the client was closed is waited for by nobody either", async () => {
    const { given } = listen();
    let give: ((token: string) => void) | undefined;
    let asked = 0;
    const { client } = await open({ token: () => (++asked === 1 ? "one" : new Promise<string>((resolve) => (give = resolve))) });
    const renewed = client.renewToken().then(() => "taken", (error: Error) => error.message);
    client.close();
    give!("two");
    expect(await Promise.race([renewed, pass(60_000).then(() => "nothing")])).toBe("The client is closed.");
    expect(given).toEqual([]);
  });

  it("that a function gives only after the connection was refused is refused with it", async () => {
    let give: ((token: string) => void) | undefined;
    let asked = 0;
    const { client } = await open({ token: () => (++asked === 1 ? "one" : new Promise<string>((resolve) => (give = resolve))) });
    const renewed = client.renewToken().then(() => "taken", (error: Error) => error.message);
    stage.server.socket.send({ case: "error", value: { code: ErrorCode.UNAUTHORIZED, message: "Who?", retry: Retry.NEVER } });
    await pass(20);
    expect(client.state.kind).toBe("refused");
    give!("two");
    expect(await Promise.race([renewed, pass(60_000).then(() => "nothing")])).toBe("Who?");
  });
});
