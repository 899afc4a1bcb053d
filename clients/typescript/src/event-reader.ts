// Reads server-sent events from text that comes in any parts. An event counts when the empty line behind it has come.

export interface ServerEvent {
  /** "message" unless it says otherwise. */
  readonly name: string;
  /** 0 if it has none. */
  readonly id: number;
  readonly data: string;
}

export class EventReader {
  #rest = "";
  #name = "message";
  #id = 0;
  #data = "";

  /** The events that are complete with this text. */
  *read(text: string): Generator<ServerEvent> {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line !== "") {
        this.#field(line);
        continue;
      }
      if (this.#data !== "") yield { name: this.#name, id: this.#id, data: this.#data };
      [this.#name, this.#id, this.#data] = ["message", 0, ""];
    }
  }

  #field(line: string): void {
    const [name, value] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trimStart()];
    if (name === "event") this.#name = value;
    else if (name === "id") this.#id = Number(value);
    else if (name === "data") this.#data += value;
  }
}
