// What applications import.
export { default as Delta } from "quill-delta";
export { CloudSyncClient } from "./client.js";
export type { ClientOptions, ConnectionState, User } from "./client.js";
export { CollaborativeDocument } from "./document.js";
export type { DocumentEvents, DocumentState } from "./document.js";
export type { PresenceEntry, Selection } from "./presence.js";
export { RefusedError } from "./errors.js";
export type { Reason } from "./errors.js";
