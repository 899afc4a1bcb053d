// Telling the application what happened: typed listeners, and that one that throws doesn't stop the rest.

/** Listeners by event name; `E` maps each name to the parameters its listeners take. */
export class Events<E extends Record<keyof E, unknown[]>> {
  readonly #listeners: { [K in keyof E]?: Set<(...args: E[K]) => void> } = {};

  /** Adds a listener; the function it returns takes it away again. */
  on<K extends keyof E>(name: K, listener: (...args: E[K]) => void): () => void {
    const listeners = (this.#listeners[name] ??= new Set());
    // Wrapped, so that one function added twice is two listeners.
    const entry = (...args: E[K]): void => listener(...args);
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  emit<K extends keyof E>(name: K, ...args: E[K]): void {
    for (const listener of [...(this.#listeners[name] ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        // The application's mistake must not leave a document half updated; it is reported as an uncaught error.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
