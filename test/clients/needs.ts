import type { Clients } from "./cache.ts";
import type { OtherServers } from "./servers.ts";

/** What the programs of the matrix are given, once it is there. */
export interface Needs {
  readonly clients: Clients;
  readonly others: OtherServers;
  /** Absolute path of the key that the SSH server takes, in the session's home. */
  readonly key: string;
  /** Absolute path of the repository on this computer. */
  readonly repository: string;
  /** Absolute path of Java's form of the authority's certificate, in the session's home. */
  readonly trust: string;
}
