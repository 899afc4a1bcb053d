// What was refused, in the words of the protocol.
import { ErrorCode, type Error as ServerError } from "./generated/cloudsync/v1/frame_pb.js";

/** A refusal: `code` is a name of ErrorCode in the protocol, such as "DOCUMENT_NOT_FOUND". */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

/** The server (or, before anything was sent, the client) refused something; it has changed nothing. */
export class RefusedError extends Error implements Reason {
  override readonly name = "RefusedError";

  constructor(
    /** A name of ErrorCode in the protocol, such as "OPERATION_TOO_LARGE". */
    readonly code: string,
    message: string,
    /** The limit that was exceeded, as the protocol names it. */
    readonly limit?: string,
    readonly limitValue?: number,
  ) {
    super(message);
  }
}

/** @internal The server's error as the application gets it. */
export function refusal(message: ServerError): RefusedError {
  const code = ErrorCode[message.code] ?? String(message.code);
  return message.limit === ""
    ? new RefusedError(code, message.message)
    : new RefusedError(code, message.message, message.limit, Number(message.limitValue));
}
