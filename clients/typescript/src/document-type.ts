// What the client has to know of a type of document: pending.ts, undo.ts and document.ts merge any type through this
// one interface. Rich text and plain text are in rich-text.ts, JSON in json-type.ts.

/**
 * Which of two concurrent operations comes first where it matters: with "right" the other has priority, with "left"
 * this one.
 */
export type Side = "left" | "right";

/** What is committed, kept as the type can add to it at the least cost. */
export interface Committed<Operation, Content> {
  /** Not to be changed. */
  readonly content: Content;
  /** @throws {Error} The operation doesn't fit. */
  append(operation: Operation): void;
}

/** Where a burst of edits is, so that the next one can be told to go on there. Only its type can read it. */
export type Place = { readonly start: number; readonly end: number } | string;

/** Pure functions over one type's operations and content, none of which are changed by them. */
export interface DocumentType<Operation, Content> {
  /** As the protocol has it. */
  readonly name: string;
  /** Does nothing. */
  readonly nothing: Operation;

  /** @throws {Error} The bytes are no snapshot. */
  readSnapshot(bytes: Uint8Array): Committed<Operation, Content>;
  /** @throws {Error} The bytes are no operation. */
  decode(bytes: Uint8Array): Operation;
  encode(operation: Operation): Uint8Array<ArrayBuffer>;

  /**
   * An operation of the application's in the form that is kept and sent.
   * @param length Of the content.
   * @throws {RangeError} It can't be expressed or doesn't fit.
   */
  check(operation: Operation, content: () => Content, length: number): Operation;
  isEmpty(operation: Operation): boolean;
  /** Whether an operation is, as it was committed, just what it is here. */
  isEqual(own: Operation, committed: Operation): boolean;

  /** @throws {Error} It doesn't fit. */
  apply(content: Content, operation: Operation): Content;
  /** Both as one; undefined if they have to stay two. */
  compose(first: Operation, second: Operation): Operation | undefined;
  transform(operation: Operation, over: Operation, side: Side): Operation;
  /** What takes the operation back; `content` is that before it. */
  invert(operation: Operation, content: () => Content): Operation;

  /** The length a document must have at least, and by how much the operation changes it; 0 where there is none. */
  measure(operation: Operation): { readonly requiredLength: number; readonly lengthChange: number };
  /** Of a content that nothing was appended to. */
  length(content: Content): number;
  /** About how many bytes of memory it takes. */
  memory(operation: Operation): number;

  /** Where a position goes; with "right" an insert exactly there pushes it. */
  movePosition(position: number, over: Operation, side: Side): number;
  /**
   * Where a burst is after an operation that goes on in the burst's place; undefined if it is elsewhere.
   * @param place Undefined if the operation begins a burst.
   */
  goOn(place: Place | undefined, operation: Operation): Place | undefined;
  /** Where a burst is after an operation of somebody else. */
  movePlace(place: Place, over: Operation): Place;
}
