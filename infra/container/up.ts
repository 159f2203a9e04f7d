import { resolve } from "node:path";
import { Command, Logging } from "@pulumi/command/local/index.js";
import * as pulumi from "@pulumi/pulumi";
import type { ContainerOutputs } from "../../contract/outputs.ts";
import { archOfThisComputer } from "../../images/container/arch.ts";
import { contextKey } from "../../images/container/context.ts";
import type { PendingFacts } from "../pending.ts";
import type { Problem, Settings } from "../settings/settings.ts";
import type { UpContext } from "../up.ts";
import { readFolders } from "./prepare.ts";
import type { ContainerFacts, ContainerInput } from "./steps/container.ts";
import type { ImageFacts, ImageInput } from "./steps/image.ts";

/** The least that a container may have (row C2). */
const LEAST = { memoryMiB: 4096, cpus: 2 } as const;

/** Runs a program of the project from where the project is now: see infra/local/step-command.ts. */
const HERE = "if [ -e lib/run-bundled.cjs ]; then p=.; else p=..; fi; exec node $p/lib/run-bundled.cjs";

/** Registers the container of a stack on this computer: its image, and the container, which is verified. */
export async function up(
  settings: Settings,
  { project, stack, refuse }: UpContext,
): Promise<PendingFacts<ContainerOutputs>> {
  const folders = Object.entries(settings.folders).map(([name, { path, mode }]) => ({
    name,
    path: resolve(project, path),
    mode,
  }));
  refuse(await problemsOf(settings, folders));
  const name = `cloister-${stack}`;
  const image = new Command(
    "image",
    step("image", {
      engine: settings.engine,
      base: settings.containerBase,
      sources: await contextKey(archOfThisComputer()),
    } satisfies ImageInput),
  );
  const built = image.stdout.apply((text) => JSON.parse(text) as ImageFacts);
  const input: PendingFacts<ContainerInput> = {
    name,
    engine: built.program,
    image: built.image,
    id: built.id,
    memoryMiB: settings.memoryMiB,
    cpus: settings.cpus,
    folders,
  };
  // Whatever changes, the container is made anew: none of its options can be changed while it runs.
  const container = new Command(
    "container",
    { ...step("container", input), triggers: [pulumi.jsonStringify(input)] },
    { deleteBeforeReplace: true, dependsOn: image },
  );
  const running = container.stdout.apply((text) => JSON.parse(text) as ContainerFacts);
  return {
    target: "container",
    engine: built.program,
    image: built.image,
    container: name,
    containerId: running.containerId,
    verification: running.verification,
  };
}

function step(name: string, input: object) {
  const run = (half: "create" | "delete") => `${HERE} infra/container/steps/main.ts ${name} ${half}`;
  return {
    create: run("create"),
    delete: run("delete"),
    environment: { CLOISTER_STEP_INPUT: pulumi.jsonStringify(input) },
    logging: Logging.Stderr,
  };
}

/** All that is wrong with the settings for a container, before anything is made. */
async function problemsOf(settings: Settings, folders: ContainerInput["folders"]): Promise<Problem[]> {
  const { problems } = await readFolders(folders.map(({ path, name, mode }) => `${path}:${name}:${mode}`));
  return [
    ...(["memoryMiB", "cpus"] as const).flatMap((key) =>
      settings[key] < LEAST[key]
        ? [
            {
              path: `cloister:${key}`,
              value: String(settings[key]),
              message: `a container has at least ${LEAST[key]}.`,
            },
          ]
        : [],
    ),
    ...problems.map((message) => ({ path: "cloister:folders", message })),
  ];
}
