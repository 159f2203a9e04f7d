/**
 * Writes what is derived from tables of the program: `docs/errors.md` and `docs/egress-groups.md`. `--check` only tells
 * whether they are up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ERROR_CODES, ERRORS } from "../../contract/errors.ts";
import { GROUPS_VERSION, HOST_GROUPS } from "../../guest/egress/groups.ts";

/** A cell of a table. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The text of `docs/errors.md`. */
export function errorsMarkdown(): string {
  const rows = ERROR_CODES.map((code) => {
    const { cause, remedy } = ERRORS[code];
    return `| \`${code}\` | ${cell(cause)} | ${cell(remedy)} |`;
  });
  return `# Errors

A message of \`cloister\` ends with a code in brackets, on your computer and on the machine. The
code is stable: a program may rely on it, the words may change. A request that is wrong in several
ways has a line and a code for each.

Exit codes: 2 for what was written wrongly or is refused, 1 for everything else that fails on your
computer, 125 for a session that could not be made. A sealed command's own exit code is passed on.

<!-- Generated from contract/errors.ts by \`npm run docs\`. -->

| code | cause | remedy |
|---|---|---|
${rows.join("\n")}
`;
}

/** The text of `docs/egress-groups.md`. */
export function egressGroupsMarkdown(): string {
  const rows = Object.entries(HOST_GROUPS).map(
    ([name, { what, hosts }]) => `| \`${name}\` | ${cell(what)} | ${hosts.map((host) => `\`${host}\``).join(", ")} |`,
  );
  return `# Groups of hosts for \`--allow\`

\`--allow npm,pypi\` allows what these tools need to fetch packages, and nothing more. All of it is
TLS on port 443. A machine uses the list of its own runtime image. The audit log names the host and
the group: \`allowed by registry.npmjs.org:443 of npm\`.

An allowed host is a way out: whoever can publish there can be sent something. \`github\` is the
widest of them.

Git by ssh is not in \`github\`: write \`--allow github.com:22\` beside it.

Version of the list: ${GROUPS_VERSION}. It changes when a group holds other hosts.

<!-- Generated from guest/egress/groups.ts by \`npm run docs\`. -->

| group | for | hosts |
|---|---|---|
${rows.join("\n")}
`;
}

const file = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const texts = { "docs/errors.md": errorsMarkdown(), "docs/egress-groups.md": egressGroupsMarkdown() };
  for (const [name, text] of Object.entries(texts)) {
    if (!check) writeFileSync(file(name), text);
    else if (readFileSync(file(name), "utf8") !== text) {
      console.error(`${name} is not what its table says: run npm run docs`);
      process.exitCode = 1;
    }
  }
}
