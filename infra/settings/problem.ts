/** One thing that is wrong with the configuration, or with the computer that shall carry it out. */
export interface Problem {
  /** Property path, such as `cloister:cpus` or `cloister:tools[2]`. */
  readonly path: string;
  /** The offending value as the user wrote it; absent where there is none. */
  readonly value?: string;
  /** The problem and its remedy, in one sentence or two. */
  readonly message: string;
}
