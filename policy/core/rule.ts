import type { Exception, Limits } from "../../preview/policy/settings.ts";
import type { Value } from "./value.ts";

export type Severity = "low" | "medium" | "high" | "critical";

/** A resource that the program registers. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly parent: string;
  readonly protect: boolean;
  /** Inputs. */
  readonly props: Value;
}

/** What a rule knows beside the resource. */
export interface World {
  readonly stack: string;
  readonly limits: Limits;
  readonly exceptions: readonly Exception[];
  /** The stack's configuration, `cloister:KEY`, as the engine hands it over: text, JSON of what is none. */
  readonly config: Readonly<Record<string, string>>;
  readonly now: Date;
}

/** Reports a violation. */
export type Report = (what: string, resource?: Resource) => void;

interface About {
  readonly name: string;
  readonly severity: Severity;
  /** One sentence: what it is good for. */
  readonly reason: string;
  /** What to do about a violation. */
  readonly remedy: string;
  /** Where it is explained. */
  readonly link: string;
}

/** A rule about each resource of some types. */
export interface ResourceRule extends About {
  readonly types: readonly string[] | "all";
  readonly check: (resource: Resource, report: Report, world: World) => void;
}

/** A rule about all resources of a stack together. */
export interface StackRule extends About {
  /** Returns false where the rule does not apply to the stack. */
  readonly checkStack: (resources: readonly Resource[], report: Report, world: World) => false | undefined;
}

export type Rule = ResourceRule | StackRule;

export const isStackRule = (rule: Rule): rule is StackRule => "checkStack" in rule;

/** A finding of a rule. */
export interface Finding {
  readonly what: string;
  readonly resource: Resource | undefined;
  /** The exception that covers it. */
  readonly exception?: Exception;
  /** An exception that would, had it not expired. */
  readonly expired?: Exception;
}

/** What a rule says. */
export interface Judgement {
  readonly findings: readonly Finding[];
  /** Path of a property that is not known. Findings may be there all the same. */
  readonly undecided?: string;
  readonly applies: boolean;
}
