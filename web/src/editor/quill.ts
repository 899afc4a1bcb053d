// Quill with the formats that CloudSync's documents are written in, and without a theme: the look is our own.
import Quill, { Parchment } from "quill/core";
import Blockquote from "quill/formats/blockquote";
import Bold from "quill/formats/bold";
import CodeBlock, { Code } from "quill/formats/code";
import { AlignClass } from "quill/formats/align";
import Header from "quill/formats/header";
import Image from "quill/formats/image";
import Indent from "quill/formats/indent";
import Italic from "quill/formats/italic";
import Link from "quill/formats/link";
import List from "quill/formats/list";
import Script from "quill/formats/script";
import Strike from "quill/formats/strike";
import Underline from "quill/formats/underline";
import Toolbar from "quill/modules/toolbar";
import QuillCursors from "quill-cursors";
import { unknownEmbed } from "./content.js";
import { DocumentUndo, type UndoHandlers } from "./undo.js";

/** Stands for an embed that the editor can't show, and carries it, so that nothing is lost. */
class UnknownEmbed extends Parchment.EmbedBlot {
  static override blotName = unknownEmbed;
  static override tagName = "SPAN";
  static override className = "unknown-embed";

  static override create(value: unknown): Element {
    const node = super.create(value) as HTMLElement;
    node.contentEditable = "false";
    node.dataset["embed"] = JSON.stringify(value);
    node.textContent = Object.keys(value as object)[0] ?? "embed";
    return node;
  }

  static override value(node: Element): unknown {
    return JSON.parse((node as HTMLElement).dataset["embed"] ?? "{}");
  }
}

Quill.register({
  "formats/align": AlignClass,
  "formats/blockquote": Blockquote,
  "formats/bold": Bold,
  "formats/code": Code,
  "formats/code-block": CodeBlock,
  "formats/header": Header,
  "formats/image": Image,
  "formats/indent": Indent,
  "formats/italic": Italic,
  "formats/link": Link,
  "formats/list": List,
  "formats/script": Script,
  "formats/strike": Strike,
  "formats/underline": Underline,
  [`formats/${unknownEmbed}`]: UnknownEmbed,
  "modules/cursors": QuillCursors,
  "modules/toolbar": Toolbar,
});
Quill.register("modules/history", DocumentUndo, true);

const richFormats = [
  "align", "blockquote", "bold", "code", "code-block", "header", "image", "indent", "italic", "link", "list", "script",
  "strike", "underline", unknownEmbed,
];

export interface EditorOptions {
  /** A document of the type "text": no formats. */
  readonly plain: boolean;
  readonly toolbar: HTMLElement;
  /** What the toolbar's buttons do beyond setting a format, by format. */
  readonly handlers: Record<string, (this: { quill: Quill }, value: unknown) => void>;
  readonly openLink: () => void;
  readonly undo: UndoHandlers;
}

/** Makes an editor in an element. It can't be written in until it is enabled. */
export function createEditor(container: HTMLElement, options: EditorOptions): Quill {
  return new Quill(container, {
    readOnly: true,
    placeholder: "Write something…",
    formats: options.plain ? [unknownEmbed] : richFormats,
    modules: {
      history: options.undo,
      cursors: { selectionChangeSource: null, hideSpeedMs: 150 },
      toolbar: { container: options.toolbar, handlers: options.handlers },
      // A picture in the text would be an operation of megabytes.
      uploader: { mimetypes: [], handler: () => undefined },
      keyboard: {
        bindings: {
          link: { key: "k", shortKey: true, handler: () => options.openLink() },
          strike: {
            key: "x", shortKey: true, shiftKey: true,
            handler(this: { quill: Quill }, _range: unknown, context: { format: Record<string, unknown> }) {
              this.quill.format("strike", !context.format["strike"], "user");
            },
          },
        },
      },
    },
  });
}

/** A link's address as it may be set: with a scheme, and one that can't run script. Null: it can't. */
export function linkAddress(typed: string): string | null {
  const text = typed.trim();
  if (text === "") return null;
  const address = /^[a-z][a-z0-9+.-]*:/i.test(text) || text.startsWith("/") || text.startsWith("#")
    ? text
    : /^[^\s/@]+@[^\s/@]+\.[^\s/@]+$/.test(text) ? `mailto:${text}` : `https://${text}`;
  return Link.sanitize(address) === address ? address : null;
}

export type { Quill, QuillCursors };
