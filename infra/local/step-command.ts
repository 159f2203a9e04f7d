import { Command, type CommandArgs, Logging } from "@pulumi/command/local/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { PendingFacts } from "../pending.ts";
import { INPUT_VARIABLE, readOutcome } from "./steps/outcome.ts";
import type { StepInput, StepName, StepResult } from "./steps/steps.ts";

/**
 * Runs a program of the project from where the project is now. No `dir` says where that is: a state that names a folder is
 * worth nothing when the folder has been moved. Plugins are started in the folder of `main`, or of Pulumi.yaml.
 */
const HERE = "if [ -e lib/run-bundled.cjs ]; then p=.; else p=..; fi; exec node $p/lib/run-bundled.cjs";

/**
 * A resource whose life is one step: `create` runs when it is made and again when its input changes, `delete` when it goes
 * away. A change of `triggers` replaces it. Replacement always deletes first, since old and new share files and ports.
 */
export class StepCommand<Name extends StepName> extends Command {
  constructor(
    name: string,
    args: {
      readonly step: Name;
      /** Handed to the step as JSON: all that it reads, and nothing else. A change runs `create` again. */
      readonly input: PendingFacts<StepInput<Name>>;
      /** Values of which the step needs to know nothing but that they changed: then `create` runs again. */
      readonly restartOn?: readonly pulumi.Input<string | number>[];
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
        environment: {
          [INPUT_VARIABLE]: pulumi.jsonStringify(args.input),
          ...(args.restartOn === undefined ? {} : { CLOISTER_STEP_RESTART_ON: pulumi.jsonStringify(args.restartOn) }),
        },
        // Steps report on stderr, which is shown while they run; stdout is their result.
        logging: Logging.Stderr,
        ...(args.triggers === undefined ? {} : { triggers: args.triggers }),
      },
      { deleteBeforeReplace: true, ...opts },
    );
  }

  /** What the step found out. */
  result(): pulumi.Output<StepResult<Name>> {
    return this.stdout.apply((text) => readOutcome<StepResult<Name>>(text)) as pulumi.Output<StepResult<Name>>;
  }
}
