// What names a client's operations: 64 bits, not 0.

/** @throws {RangeError} It isn't one. */
export function parseId(text: string): bigint {
  const id = BigInt(text);
  if (id <= 0n || id !== BigInt.asUintN(64, id)) throw new RangeError("A client id is a number from 1 to 2^64 - 1.");
  return id;
}

export function randomId(): bigint {
  for (;;) {
    const id = crypto.getRandomValues(new BigUint64Array(1))[0]!;
    if (id !== 0n) return id;
  }
}
