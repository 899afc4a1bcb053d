// What the client uses of the package ot-json0, which has no types of its own.
declare module "ot-json0" {
  interface Json0 {
    /** Changes the snapshot in place, but not the operation. */
    apply(snapshot: unknown, operation: unknown): unknown;
    compose(first: unknown, second: unknown): unknown;
    transform(operation: unknown, over: unknown, side: "left" | "right"): unknown;
    invertComponent(component: unknown): unknown;
    registerSubtype(subtype: object): void;
  }
  const json0: { readonly type: Json0 };
  export default json0;
}
