// What the peers' servers have in common: a free port of this machine, said in one line, and an end when the parent is gone.

/** Listens on a free port and says which. */
export function listen(server) {
  server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
  process.stdin.on('end', () => process.exit(0)).resume();
}

/** The documents that there shall be: as many as the first argument says. */
export function documentIds() {
  return Array.from({ length: Number(process.argv[2] ?? 1) }, (_, i) => `load-${i + 1}`);
}
