import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Paths, pathsOf } from "../../../infra/local/paths.ts";
import { hostArchitecture, qemuProgram } from "../../../infra/local/qemu.ts";
import { EngineProject } from "../../../rehearsal/engine.ts";
import { copyProject, REPOSITORY } from "../../../rehearsal/project-copy.ts";

/** A verification report of a machine that keeps all promises. */
export const GOOD_REPORT = {
  machine: "machine",
  target: "local",
  image: "a test",
  arch: "amd64",
  runtime: "0".repeat(64),
  depth: "quick",
  startedAt: "2026-01-01T00:00:00.000Z",
  durationMs: 1,
  ok: true,
  rows: [
    {
      id: "O3",
      group: "system",
      fact: "hostname",
      level: "must",
      expected: "claude",
      seen: "claude",
      status: "ok",
      fails: false,
    },
  ],
};

/**
 * A copy of this project in a temporary folder, in which QEMU, ssh and the images are stand-ins: the program, the steps,
 * the plugins and the engine are the real ones.
 */
export class LocalStack {
  readonly engine: EngineProject;
  readonly paths: Paths;
  readonly folder: string;
  /** The copy, in that folder. */
  readonly project: string;
  private readonly reportFile: string;

  private constructor(engine: EngineProject, folder: string, project: string, reportFile: string) {
    this.engine = engine;
    this.folder = folder;
    this.project = project;
    this.paths = pathsOf(project, "test");
    this.reportFile = reportFile;
  }

  static async create(config: Record<string, unknown> = {}, name = "project"): Promise<LocalStack> {
    const folder = await mkdtemp(join(tmpdir(), "cloister-local-"));
    const project = join(folder, name);
    await copyProject(project, ["Pulumi.local.yaml"]);
    const support = (name: string): string => join(REPOSITORY, "test", "support", "local", name);
    await copyFile(support("images-stand-in.ts"), join(project, "images", "base", "index.ts"));
    await copyFile(support("runtime-stand-in.ts"), join(project, "images", "runtime", "index.ts"));
    const bin = join(folder, "bin");
    await mkdir(bin);
    await copyFile(support("qemu-system-stand-in.cjs"), join(bin, qemuProgram(hostArchitecture())));
    await copyFile(support("ssh-stand-in.sh"), join(bin, "ssh"));
    for (const program of ["ssh", qemuProgram(hostArchitecture())]) await chmod(join(bin, program), 0o755);
    const reportFile = join(folder, "report.json");
    await writeFile(reportFile, JSON.stringify(GOOD_REPORT));
    const engine = await EngineProject.create({
      folder: project,
      // An accelerator that needs no trial, and little memory: tests may run on a small computer.
      config: { "cloister:accelerator": "tcg", "cloister:memoryMiB": "2048", ...config },
      env: {
        CLOISTER_TEST_FILES: folder,
        CLOISTER_TEST_REPORT: reportFile,
        XDG_RUNTIME_DIR: folder,
      },
    });
    engine.env["PATH"] = [bin, engine.env["PATH"] ?? process.env["PATH"]].join(delimiter);
    return new LocalStack(engine, folder, project, reportFile);
  }

  /** The result that the machine's verification will have. */
  async setReport(report: object): Promise<void> {
    await writeFile(this.reportFile, JSON.stringify(report));
  }

  /** Takes everything down, whatever state it is in. */
  async dispose(): Promise<void> {
    await this.engine.destroy();
    await this.engine.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }
}
