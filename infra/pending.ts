import type * as pulumi from "@pulumi/pulumi";

/** A value of which any part may be known only once resources are there. */
export type Pending<T> = pulumi.Input<T extends object ? { readonly [K in keyof T]: Pending<T[K]> } : T>;

/** Facts by name, of which each is {@link Pending}. */
export type PendingFacts<T> = { readonly [K in keyof T]: Pending<T[K]> };
