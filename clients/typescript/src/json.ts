// What applications with JSON documents import, as "@cloudsync/client/json". It brings ot-json0, which others needn't
// load.
import type { DocumentKind } from "./document.js";
import { JsonDocument } from "./json-document.js";
import { jsonType } from "./json-type.js";

export type { JsonDocument } from "./json-document.js";
export type { JsonComponent, JsonOperation, TextEdit } from "./json-operation.js";
export type { JsonPath, JsonValue } from "./json-value.js";

/** For `client.open(id, json)`. */
export const json: DocumentKind<JsonDocument> = { types: [jsonType], nothing: null, Document: JsonDocument };
