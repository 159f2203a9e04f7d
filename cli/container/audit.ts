import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { AUDIT_FILE } from "../../guest/container/audit.ts";
import { checkReading } from "../../guest/egress/audit-read.ts";
import { handingOn } from "../../infra/container/stop.ts";
import { type AuditOptions, showRows } from "../commands/audit.ts";
import { messageOf, OperatorError } from "../errors.ts";

/**
 * `npm run container -- audit DIR`: the rows that `run --audit DIR` left there, as `cloister audit` shows a machine's.
 *
 * @returns 0
 */
export async function containerAudit(folder: string, options: AuditOptions): Promise<number> {
  checkReading(options);
  const file = join(folder, AUDIT_FILE);
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw new OperatorError(`no audit log in ${folder}: ${messageOf(error)}. Name the folder that run --audit named.`, {
      code: "CLOISTER_E_NO_AUDIT",
    });
  });
  if (!options.follow) {
    await showRows(createReadStream(file), options);
    return 0;
  }
  const tail = spawn("tail", ["-n", "+1", "-F", file], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(tail, "close");
  // The end of tail ends this process, too.
  await handingOn(showRows(tail.stdout, options), () => void tail.kill());
  await ended;
  return 0;
}
