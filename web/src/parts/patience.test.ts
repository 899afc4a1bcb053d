import type { DocumentState } from "@cloudsync/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Patience, PATIENCE_MS } from "./patience.js";

describe("what is shown of a connection", () => {
  let shown: string[];
  let patience: Patience;
  const show = (...kinds: DocumentState["kind"][]): void => kinds.forEach((kind) => patience.show({ kind, unsaved: 0 }));

  beforeEach(() => {
    vi.useFakeTimers();
    shown = [];
    patience = new Patience(({ kind }) => { if (shown.at(-1) !== kind) shown.push(kind); });
  });
  afterEach(() => void vi.useRealTimers());

  it("says nothing of another way that is found at the second attempt", () => {
    show("connecting", "offline");
    vi.advanceTimersByTime(250);
    show("connecting");
    vi.advanceTimersByTime(PATIENCE_MS * 5);
    show("live");
    expect(shown).toEqual(["connecting", "live"]);
  });

  it("says nothing of a move to another server", () => {
    show("connecting", "live", "connecting");
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    show("live");
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(shown).toEqual(["connecting", "live"]);
  });

  it("says that it is offline when it stays so, however often it is tried meanwhile, and then says everything", () => {
    show("connecting", "live", "offline");
    for (let time = 0; time < PATIENCE_MS; time += 250) {
      expect(shown).toEqual(["connecting", "live"]);
      vi.advanceTimersByTime(250);
      show("connecting", "offline");
    }
    expect(shown).toEqual(["connecting", "live", "offline", "connecting", "offline"]);
    show("connecting", "live", "offline");
    expect(shown.slice(5)).toEqual(["connecting", "live"]);
  });

  it("says a refusal at once", () => {
    show("connecting", "live", "offline", "refused");
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(shown).toEqual(["connecting", "live", "refused"]);
  });
});
