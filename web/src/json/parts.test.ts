// Which item is which after a change.
import { describe, expect, it } from "vitest";
import { beginning, pairItems, partsOf, staying } from "./parts.js";

const [a, b, c, d] = [{ n: "a" }, { n: "b" }, { n: "c" }, { n: "d" }];

describe("Items of a list", () => {
  it("are themselves around what was inserted, removed and changed", () => {
    expect(pairItems([a, b, c], [d, a, b, c])).toEqual([-1, 0, 1, 2]);
    expect(pairItems([a, b, c], [a, c])).toEqual([0, 2]);
    expect(pairItems([a, b, c], [a, { n: "B" }, c])).toEqual([0, 1, 2]);
    expect(pairItems([a, b], [{ n: "A" }, { n: "B" }])).toEqual([0, 1]);
    expect(pairItems([a, b], [b, c, d])).toEqual([1, -1, -1]);
    expect(pairItems([], [a])).toEqual([-1]);
    expect(pairItems([a], [])).toEqual([]);
  });

  it("are themselves after a move, and when one falls off the end of what is shown", () => {
    expect(pairItems([a, b, c, d], [d, a, b, c])).toEqual([3, 0, 1, 2]);
    expect(pairItems([a, b, c], [d, a, b])).toEqual([-1, 0, 1]);
  });

  it("that are equal are each used once", () => {
    expect(pairItems([1, 1, 2], [1, 2, 1, 1])).toEqual([0, 2, 1, -1]);
  });

  it("are moved as few as can be", () => {
    expect(staying([3, 0, 1, 2])).toEqual([false, true, true, true]);
    expect(staying([1, 2, 3, 0])).toEqual([true, true, true, false]);
    expect(staying([0, -1, 2, 1])).toEqual([true, false, false, true]);
    expect(staying([])).toEqual([]);
  });
});

it("What is in a value comes in its order, and no more than wanted", () => {
  expect(partsOf({ z: 1, a: 2, m: 3 }, 2)).toEqual({ steps: ["z", "a"], count: 3 });
  expect(partsOf(["x", "y", "z"], 2)).toEqual({ steps: [0, 1], count: 3 });
  expect(partsOf("text", 2)).toEqual({ steps: [], count: 0 });
});

it("A text is not cut within a character", () => {
  expect(beginning("abc", 3)).toBe("abc");
  expect(beginning("ab😀", 3)).toBe("ab");
  expect(beginning("a😀b", 3)).toBe("a😀");
});
