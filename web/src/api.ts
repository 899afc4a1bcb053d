// The REST API, as far as the app uses it (docs/rest.md).
import type { Delta } from "@cloudsync/client";

export interface DocumentRecord {
  readonly id: string;
  readonly title: string;
  /** "rich-text", "text" or "json". */
  readonly type: string;
  readonly version: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly changedAt: string;
}

export interface DocumentPage {
  readonly documents: DocumentRecord[];
  /** What to pass as `after` for the next page; absent on the last one. */
  readonly next?: string | null;
}

/** The server said no, or could not be reached (`status` 0). The message is fit to be shown. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, "The server can’t be reached. Try again when you are back online.");
  }
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
    throw new ApiError(response.status, problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
  }
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Documents, the most recently changed first; at most 200 at once. */
export function listDocuments(limit: number, after?: string | null): Promise<DocumentPage> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (after) query.set("after", after);
  return request("GET", `/documents?${query}`);
}

export function createDocument(title: string, content: Delta): Promise<DocumentRecord> {
  return request("POST", "/documents", { type: "rich-text", title, content: { ops: content.ops } });
}

export function renameDocument(id: string, title: string): Promise<DocumentRecord> {
  return request("PATCH", `/documents/${encodeURIComponent(id)}`, { title });
}

export function deleteDocument(id: string): Promise<void> {
  return request("DELETE", `/documents/${encodeURIComponent(id)}`);
}
