import type { VerificationSummary } from "../../../contract/outputs.ts";
import { failures, type Report } from "../../../contract/report.ts";
import { neutral, neutralValue } from "../../../guest/lib/neutral.ts";
import type { MountMode } from "../../../guest/sessions/request.ts";
import { engine, findEngine } from "../engine.ts";
import { containerOptions, DEFAULTS, optionWords, SECCOMP } from "../options.ts";
import { caller, chooseUser, readFolders } from "../prepare.ts";

/** The inputs of the container. */
export interface ContainerInput {
  readonly name: string;
  readonly engine: string;
  readonly image: string;
  /** Digest of the image. */
  readonly id: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly folders: readonly { readonly name: string; readonly path: string; readonly mode: MountMode }[];
}

/** A container that runs and has passed its verification. */
export interface ContainerFacts {
  readonly containerId: string;
  readonly verification: VerificationSummary;
}

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** The container, which stays for sessions that are started in it. */
export const containerStep = {
  async create(input: ContainerInput): Promise<ContainerFacts> {
    const host = await findEngine(input.engine);
    const { folders, problems } = await readFolders(
      input.folders.map(({ path, name, mode }) => `${path}:${name}:${mode}`),
    );
    const { user, problems: users } = chooseUser(caller(), folders);
    if (problems.length + users.length > 0) throw new Error([...problems, ...users].join("\n"));
    await removeContainer(input);
    const options = containerOptions(host, {
      ...DEFAULTS,
      memoryMiB: input.memoryMiB,
      cpus: input.cpus,
      user,
      folders,
      seccomp: SECCOMP,
    });
    const started = await engine(
      host,
      ["run", "--detach", "--no-healthcheck", `--name=${input.name}`, ...optionWords(options), input.id, "wait"],
      { reject: false, stdin: "ignore" },
    );
    if (started.failed)
      throw new Error(`${host.program} could not start the container: ${String(started.stderr).trim()}`);
    try {
      say(`the container ${input.name} runs; it verifies itself`);
      return { containerId: String(started.stdout).trim(), verification: await verified(input) };
    } catch (error) {
      await removeContainer(input);
      throw error;
    }
  },

  async remove(input: ContainerInput): Promise<void> {
    await removeContainer(input);
  },
};

async function verified({ engine: program, name }: ContainerInput): Promise<VerificationSummary> {
  const host = await findEngine(program);
  const ran = await engine(host, ["exec", name, "/opt/cloister/bin/cloister", "verify", "--json"], {
    reject: false,
    stdin: "ignore",
    timeout: 600_000,
  });
  let report: Report;
  try {
    // It quotes what sessions wrote, and is shown on terminals.
    report = neutralValue(JSON.parse(String(ran.stdout))) as Report;
  } catch {
    throw new Error(`the container gave no report: ${neutral(String(ran.stderr).trim())}`);
  }
  if (!report.ok)
    throw new Error(
      `the container keeps not every promise:\n${[...failures(report), ...(report.notices ?? [])].join("\n")}`,
    );
  const ids = (status: string) => report.rows.filter((row) => row.status === status).map(({ id }) => id);
  return { ok: true, rows: report.rows.length, kept: ids("ok").length, differs: ids("differs") };
}

async function removeContainer({ engine: program, name }: ContainerInput): Promise<void> {
  const host = await findEngine(program);
  const gone = await engine(host, ["rm", "--force", "--volumes", name], { reject: false, stdin: "ignore" });
  const there = await engine(host, ["container", "inspect", "--format", "{{.Id}}", name], {
    reject: false,
    stdin: "ignore",
  });
  if (!there.failed) throw new Error(`the container ${name} could not be removed: ${String(gone.stderr).trim()}`);
}
