// The app's one connection, made when the first document is opened.
import { CloudSyncClient, type CollaborativeDocument } from "@cloudsync/client";
import { identity, onIdentity } from "./identity.js";

let client: CloudSyncClient | undefined;
// Documents that nobody looks at any more and that still have edits to save.
const leaving = new Map<string, () => void>();

export function connection(): CloudSyncClient {
  if (!client) {
    const { id, name, color } = identity();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    client = new CloudSyncClient({ url: `${scheme}://${location.host}/sync`, user: { id, name, color } });
    const connected = client;
    onIdentity((user) => connected.setUser({ id: user.id, name: user.name, color: user.color }));
    addEventListener("beforeunload", (event) => {
      // The browser asks whether to leave; what is unsaved would be lost.
      if (connected.state.unsaved > 0) event.preventDefault();
    });
  }
  return client;
}

export function openDocument(id: string): CollaborativeDocument {
  leaving.get(id)?.();
  return connection().open(id);
}

/** Closes a document as soon as everything in it is saved. Until then others see its user without a place in it. */
export function leaveDocument(document: CollaborativeDocument): void {
  if (!document.unsaved || document.state.kind === "refused" || document.state.kind === "closed") {
    document.close();
    return;
  }
  document.setSelection(null);
  const stay = (): void => {
    stop();
    leaving.delete(document.id);
  };
  const stop = document.on("state", () => {
    if (document.unsaved) return;
    stay();
    document.close();
  });
  leaving.set(document.id, stay);
}
