import Table from "cli-table3";
import type { Outcome } from "./run.ts";
import { PROGRAMS } from "./versions.ts";

/** Ubuntu 22.04's versions, which lie between those of the images (Ubuntu's own index of packages). */
const UBUNTU: Readonly<Record<string, string>> = {
  system: "Ubuntu 22.04",
  kernel: "6.8",
  systemd: "249",
  "util-linux": "2.37.2",
  nft: "1.0.2",
  e2fsprogs: "1.46.5",
  "cloud-init": "24 or newer",
  python: "3.10",
  coreutils: "8.32",
  openssh: "8.9",
  libc: "2.35",
  bubblewrap: "0.6.1",
};

/** What was run on which image, with the versions as the machines told them, and those that they bracket. */
export function bracketTable(outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: ["", ...outcomes.map(({ image }) => image), "to be bracketed"],
    style: { head: [], border: [] },
  });
  const row = (name: string, of: (outcome: Outcome) => string, last = "") =>
    table.push([name, ...outcomes.map(of), last]);
  row("result", ({ ok }) => (ok ? "ok" : "FAILED"));
  row("tests", ({ passed, failed }) => `${passed} passed, ${failed} failed`);
  row("seconds", ({ seconds }) => String(seconds));
  for (const program of PROGRAMS) row(program, ({ versions }) => versions[program] ?? "not told", UBUNTU[program]);
  return table.toString();
}
