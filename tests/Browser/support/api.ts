// What a program does with a server over REST.
export interface Op {
  insert?: string | Record<string, unknown>;
  retain?: number;
  delete?: number;
  attributes?: Record<string, unknown>;
}

export interface DocumentRecord {
  id: string;
  title: string;
  version: number;
}

export abstract class Api {
  abstract get url(): string;

  async create(document: { title?: string; type?: string; content?: Op[] } = {}): Promise<DocumentRecord> {
    const { title = "Test", type = "rich-text", content = [{ insert: "\n" }] } = document;
    return await this.#json("POST", "/api/documents", {
      title, type, ...(content.length > 0 && { content: { ops: content } }),
    }) as DocumentRecord;
  }

  /** A document of JSON. */
  async createJson(content: unknown, title = "Test"): Promise<DocumentRecord> {
    return await this.#json("POST", "/api/documents", { title, type: "json", content }) as DocumentRecord;
  }

  async rename(id: string, title: string): Promise<void> {
    await this.#json("PATCH", `/api/documents/${id}`, { title });
  }

  async record(id: string): Promise<DocumentRecord> {
    return await this.#json("GET", `/api/documents/${id}`) as DocumentRecord;
  }

  /** Edits a document, as another program would. */
  async edit(id: string, ops: Op[]): Promise<void> {
    await this.#json("POST", `/api/documents/${id}/operations`, { delta: { ops } });
  }

  /** Edits a document of JSON, as another program would. */
  async editJson(id: string, operation: readonly object[]): Promise<void> {
    await this.#json("POST", `/api/documents/${id}/operations`, { operation });
  }

  async remove(id: string): Promise<void> {
    await this.#json("DELETE", `/api/documents/${id}`);
  }

  /** The document as the server exports it. */
  async content(id: string): Promise<Op[]> {
    return (await this.#json("GET", `/api/documents/${id}/export?format=delta`) as { ops: Op[] }).ops;
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method,
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : await response.json();
  }
}
