// Somebody with a browser: what they do, and what they see.
import { expect, type BrowserContext, type Locator, type Page } from "@playwright/test";
import type { Api, Op } from "./api.js";

const colors = ["#3b5bdb", "#087f5b", "#c2255c", "#c4500c"];
let entered = 0;

interface Opened {
  quill: {
    getContents(): { ops: Op[] };
    getText(): string;
    getLength(): number;
    setSelection(index: number, length: number, source: string): void;
    getSelection(): { index: number; length: number } | null;
  };
  document: { content: { ops: Op[] }; version: number; unsaved: boolean; state: { kind: string; unsaved: number }; endUndoStep(): void };
}

declare global {
  interface Window {
    cloudsync?: Opened;
  }
}

export class Person {
  /** What went wrong in the page, in the console or on the network. */
  readonly faults: string[] = [];
  readonly editor: Locator;
  readonly status: Locator;
  readonly title: Locator;
  /** The others' carets. */
  readonly carets: Locator;

  private constructor(
    readonly page: Page,
    readonly name: string,
    readonly color: string,
    private readonly url: string,
  ) {
    this.editor = page.locator(".ql-editor");
    this.status = page.locator(".status");
    this.title = page.getByRole("textbox", { name: "Title" });
    this.carets = page.locator(".ql-cursor");
  }

  static async enter(context: BrowserContext, name: string, url: string): Promise<Person> {
    const color = colors[entered++ % colors.length]!;
    await context.addInitScript(
      (user) => { if (!localStorage.getItem("cloudsync.user")) localStorage.setItem("cloudsync.user", JSON.stringify(user)); },
      { id: `test-${entered}`, name, color, chosen: true },
    );
    const person = new Person(await context.newPage(), name, color, url);
    person.page.on("pageerror", (error) => person.faults.push(error.stack ?? error.message));
    person.page.on("console", (message) => {
      // A server that is away is what some tests are about.
      if (message.type() !== "error" || /ERR_CONNECTION|ERR_INTERNET_DISCONNECTED|WebSocket connection/.test(message.text())) return;
      person.faults.push(message.text());
    });
    person.page.on("request", (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol.startsWith("http") && host !== new URL(person.url).host) person.faults.push(`asked ${request.url()}`);
    });
    return person;
  }

  async leave(): Promise<void> {
    await this.page.context().close();
  }

  async goTo(path: string): Promise<void> {
    await this.page.goto(this.url + path);
  }

  /** Opens a document and waits until it can be written in. */
  async open(id: string): Promise<void> {
    await this.goTo(`/d/${id}`);
    await this.isLive();
    await expect(this.editor).toHaveAttribute("contenteditable", "true");
  }

  async isLive(): Promise<void> {
    await expect(this.status).toHaveText("Live");
  }

  /** Types as from a keyboard, key after key. */
  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  async press(keys: string): Promise<void> {
    await this.page.keyboard.press(keys);
  }

  async select(index: number, length = 0): Promise<void> {
    await this.editor.focus();
    await this.page.evaluate(([i, l]) => window.cloudsync!.quill.setSelection(i!, l!, "user"), [index, length]);
  }

  /** The text in the editor, without the newline at its end; nothing as long as the page has none. */
  async text(): Promise<string> {
    return (await this.page.evaluate(() => window.cloudsync?.quill.getText() ?? "")).replace(/\n$/, "");
  }

  /** What the editor holds. */
  async shown(): Promise<Op[]> {
    return await this.page.evaluate(() => window.cloudsync!.quill.getContents().ops);
  }

  /** What the client holds. */
  async held(): Promise<Op[]> {
    return await this.page.evaluate(() => window.cloudsync!.document.content.ops);
  }

  async version(): Promise<number> {
    return await this.page.evaluate(() => window.cloudsync!.document.version);
  }

  async unsaved(): Promise<number> {
    return await this.page.evaluate(() => window.cloudsync!.document.state.unsaved);
  }

  async sees(text: string): Promise<void> {
    await expect.poll(() => this.text(), { message: `what ${this.name} sees` }).toBe(text);
  }

  /** Where somebody's caret stands on the screen. */
  async caretOf(other: Person): Promise<{ x: number; y: number }> {
    const box = await this.caret(other).boundingBox();
    if (!box) throw new Error(`${this.name} doesn't see the caret of ${other.name}`);
    return { x: Math.round(box.x), y: Math.round(box.y) };
  }

  caret(other: Person): Locator {
    return this.carets.filter({ hasText: other.name }).locator(".ql-cursor-caret");
  }
}

/** Waits until everybody's editor, everybody's client and the server hold the same, and returns it. */
export async function agree(server: Api, id: string, ...people: Person[]): Promise<Op[]> {
  await expect.poll(async () => Promise.all(people.map((person) => person.unsaved())), { message: "unsaved edits" })
    .toEqual(people.map(() => 0));
  const content = await server.content(id);
  for (const person of people) {
    await expect.poll(() => person.held(), { message: `what the client of ${person.name} holds` }).toEqual(content);
    await expect.poll(() => person.shown(), { message: `what the editor of ${person.name} shows` }).toEqual(content);
  }
  // Nothing was under way when it was read.
  expect(await server.content(id)).toEqual(content);
  return content;
}
