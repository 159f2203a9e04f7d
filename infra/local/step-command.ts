import { Command, type CommandArgs, Logging } from "@pulumi/command/local/index.js";
import * as pulumi from "@pulumi/pulumi";

/** The steps of `infra/local/steps`, by name. */
export type StepName =
  | "state-directory"
  | "ssh-key"
  | "runtime-disk"
  | "seed"
  | "root-disk"
  | "session-disk"
  | "machine";

/**
 * Runs a program of the project from where the project is now. No `dir` says where that is: a state that names a folder is
 * worth nothing when the folder has been moved. Plugins are started in the folder of `main`, or of Pulumi.yaml.
 */
const HERE = "if [ -e lib/run-bundled.cjs ]; then p=.; else p=..; fi; exec node $p/lib/run-bundled.cjs";

/**
 * A resource whose life is one step: `create` runs when it is made and again when its input changes, `delete` when it goes
 * away. A change of `triggers` replaces it. Replacement always deletes first, since old and new share files and ports.
 */
export class StepCommand extends Command {
  constructor(
    name: string,
    args: {
      readonly step: StepName;
      /** Handed to the step as JSON. */
      readonly input: Readonly<Record<string, unknown>>;
      readonly triggers?: CommandArgs["triggers"];
    },
    opts: pulumi.CustomResourceOptions,
  ) {
    const run = (half: "create" | "delete") => `${HERE} infra/local/steps/main.ts ${args.step} ${half}`;
    super(
      name,
      {
        create: run("create"),
        delete: run("delete"),
        environment: { CLOISTER_STEP_INPUT: pulumi.jsonStringify(args.input) },
        // Steps report on stderr, which is shown while they run; stdout is their result.
        logging: Logging.Stderr,
        ...(args.triggers === undefined ? {} : { triggers: args.triggers }),
      },
      { deleteBeforeReplace: true, ...opts },
    );
  }

  /** The step's result, read as JSON. */
  result<T>(): pulumi.Output<T> {
    return this.stdout.apply((text) => JSON.parse(text) as T);
  }
}
