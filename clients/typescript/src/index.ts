// What applications import.
export { default as Delta } from "quill-delta";
export type * from "./api.js";
export { CloudSyncClient } from "./client.js";
export type { CollaborativeDocument, DocumentKind } from "./document.js";
export { RefusedError, type Reason } from "./errors.js";
