// The app's one connection, made when the first document is opened.
import { CloudSyncClient } from "@cloudsync/client";
import { identity, onIdentity } from "./identity.js";

let client: CloudSyncClient | undefined;

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
