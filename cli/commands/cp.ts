import { describeReport } from "../copy/report.ts";
import { copyFrom, copyTo } from "../copy.ts";
import { UsageError } from "../errors.ts";
import { showProgress } from "../progress.ts";
import { reach } from "./chosen.ts";

/** Exit code of a copy that left something out, said so, and is complete otherwise. */
const LEFT_OUT = 3;

/** `cloister cp`. @returns 0, or 3 when something was left out */
export async function cp(stack: string, route: Route, { root = false }: { readonly root?: boolean }): Promise<number> {
  const { transport } = await reach({ stack, ...(route.machine === undefined ? {} : { machine: route.machine }) });
  const progress = showProgress(route.direction === "to" ? route.from : route.to);
  const options = { user: root ? "root" : "operator", moved: progress.moved } as const;
  try {
    const report = await (route.direction === "to" ? copyTo : copyFrom)(transport, route.from, route.to, options);
    progress.end();
    for (const line of describeReport(report)) process.stderr.write(`cloister: ${line}\n`);
    return report.left.count > 0 ? LEFT_OUT : 0;
  } finally {
    progress.end();
  }
}

/** The two sides of a copy: exactly one of them is on a machine. */
export interface Route {
  readonly direction: "to" | "from";
  readonly machine?: string;
  readonly from: string;
  readonly to: string;
}

/**
 * Reads both sides: one of them is `MACHINE:PATH` or `:PATH`. A path of this computer with a colon is written `./a:b`.
 */
export function parseRoute(source: string, destination: string, machine: string | undefined): Route {
  // A variable of a script that is not set, mostly.
  if (source === "" || destination === "") {
    throw new UsageError(
      `the ${source === "" ? "source" : "destination"} is empty: name a path, such as . for this folder.`,
    );
  }
  const [there, here] = [source, destination].map(onMachine) as [Side | undefined, Side | undefined];
  const side = there ?? here;
  if (!side || (there && here)) {
    throw new UsageError(
      `one of both must be on a machine, as MACHINE:PATH or :PATH, and the other here: ${JSON.stringify(source)}, ${JSON.stringify(destination)}.`,
    );
  }
  if (machine !== undefined && side.machine !== "" && side.machine !== machine) {
    throw new UsageError(`--machine says ${machine}, the path says ${side.machine}: leave one of them out.`);
  }
  const name = side.machine || machine;
  return {
    direction: there ? "from" : "to",
    ...(name === undefined ? {} : { machine: name }),
    from: there ? side.path : source,
    to: there ? destination : side.path,
  };
}

interface Side {
  readonly machine: string;
  readonly path: string;
}

function onMachine(text: string): Side | undefined {
  const [, machine, path] = /^([A-Za-z0-9-]*):(.*)$/s.exec(text) ?? [];
  // As in a shell on the machine, a path is relative to the home directory, with or without `~/`.
  return machine === undefined || path === undefined
    ? undefined
    : { machine, path: path.replace(/^~(\/|$)/, "") || "." };
}
