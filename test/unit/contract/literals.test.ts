import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { DEFAULT_MCP_SERVERS } from "../../../contract/machine.ts";
import { REFERENCE, REFERENCE_ROWS } from "../../../contract/reference.ts";
import { expectation } from "../../../contract/reference-row.ts";
import { INSIDE, RUN, RUN_FILES } from "../../../contract/run-files.ts";
import { SESSION_USERS } from "../../../contract/users.ts";
import { HTTP_PORT, SOCKS_PORT } from "../../../guest/sandbox/paths.ts";
import { parseReference, renderRows } from "../../../tools/docs/reference-rows.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** The product's files below some folders, by their paths in the project. Tests beside Go code may have paths of their own. */
function filesOf(...folders: string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !/(_test\.go|\.md|\.sum)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)));
}

const PRODUCT = filesOf("guest", "infra", "cli", "cloud-init", "images", "lib");

describe("the contract: files of a boot", () => {
  const known = new Set<string>([...Object.values(RUN_FILES), ...Object.values(INSIDE)]);
  const isKnown = (path: string) => [...known].some((file) => path === file || path.startsWith(`${file}/`));

  it("are named by no TypeScript but the contract's", () => {
    const named = PRODUCT.filter((file) => file.endsWith(".ts") && read(file).includes(`${RUN}/`));
    assert.deepEqual(named, []);
    assert.ok(
      PRODUCT.length > 300 && read("contract/run-files.ts").includes(`"${RUN}"`),
      "the control: files are read",
    );
  });

  it("are those of the list in every other language", () => {
    const found = PRODUCT.filter((file) => !file.endsWith(".ts")).flatMap((file) =>
      [...read(file).matchAll(/(?:\/run\/cloister|\$\{?CLOISTER_RUN\}?)\/([a-z.-]+(?:\/[a-z.-]+)*)/g)].map(
        ([, path]) => [file, `${RUN}/${path}`] as const,
      ),
    );
    for (const [file, path] of found) assert.ok(isKnown(path), `${file}: ${path}`);
    const seen = new Set(found.map(([, path]) => path));
    // The control: what is written by the shell and read by TypeScript is among what was found.
    for (const file of ["wall", "quota", "failure", "notices", "report", "code", "sessions"] as const)
      assert.ok(seen.has(RUN_FILES[file]), file);
    assert.ok(!isKnown(`${RUN}/other`) && !isKnown(`${RUN}/wallpaper`));
  });

  it("begin with the code by which a verification that was cut off is known", () => {
    assert.ok(
      read("guest/boot/verify-ended").includes(
        'not_ready "CLOISTER_E_VERIFICATION_UNFINISHED: the verification did not finish (',
      ),
    );
  });
});

describe("the contract: users of sessions", () => {
  const number = (file: string, name: string) => {
    const [, digits] =
      new RegExp(`\\b${name}\\s*=\\s*([0-9_]+)`).exec(read(file)) ?? assert.fail(`${file}: no ${name}`);
    return Number(digits?.replaceAll("_", ""));
  };

  it("are the same in every language", () => {
    const [, from, to] = /define session_users = (\d+)-(\d+)/.exec(read("guest/boot/wall.nft")) ?? assert.fail();
    assert.deepEqual({ from: Number(from), to: Number(to) }, SESSION_USERS);
    const socketWall = "guest/boot/helper/internal/socketwall/socketwall.go";
    assert.deepEqual({ from: number(socketWall, "firstUser"), to: number(socketWall, "lastUser") }, SESSION_USERS);
    const keeper = "guest/seal/internal/keeper/machine.go";
    assert.deepEqual({ from: number(keeper, "firstUID"), to: number(keeper, "lastUID") }, SESSION_USERS);
  });

  it("stand nowhere else in the product", () => {
    const held = ["guest/boot/wall.nft", "guest/boot/helper/internal/socketwall/socketwall.go"];
    const { from, to } = SESSION_USERS;
    const written = new RegExp(`\\b${to}\\b|\\b${String(to).replace(/(?=\d{3}$)/, "_")}\\b`);
    const found = PRODUCT.filter((file) => written.test(read(file)));
    assert.deepEqual(found.sort(), [...held, "guest/seal/internal/keeper/machine.go"].sort());
    assert.ok(written.test(read("contract/users.ts")) && from < to, "the control");
  });

  it("are the numbers that the documents name", () => {
    for (const file of ["docs/operating.md", "docs/sandbox.md"])
      assert.match(read(file), new RegExp(`\\b${SESSION_USERS.from} (to|and) ${SESSION_USERS.to}\\b`), file);
  });
});

describe("the contract: the reference", () => {
  it("is what reference.yaml says (npm run docs renews it)", () => {
    assert.equal(read("contract/reference-rows.ts"), renderRows(parseReference(read("contract/reference.yaml"))));
  });

  it("refuses a row that shows what it does not have, or has what it does not show", () => {
    const row = (text: string) => read("contract/reference.yaml").replace("{GiB: 3.8, machineMiB: 4096}", text);
    assert.equal(parseReference(row("{GiB: 3.8, machineMiB: 4096}")).length, REFERENCE_ROWS.length);
    assert.throws(() => parseReference(row("{GiB: 3.8}")), /row M4 has the facts GiB, and shows GiB, machineMiB/);
    assert.throws(
      () => parseReference(row("{GiB: 3.8, machineMiB: 4096, x: 1}")),
      /row M4 has the facts GiB, machineMiB, x/,
    );
  });

  it("reads as its public descriptions do", () => {
    const words = Object.fromEntries(REFERENCE_ROWS.map((row) => [row.id, expectation(row)]));
    const some = ["M4", "D1", "D2", "D3", "D4", "O1", "O2", "S4", "S6", "S7", "S8", "E1", "E2", "N2", "N3", "N4", "A4"];
    assert.deepEqual(
      some.map((id) => words[id]),
      [
        "3.8 GiB (a 4096 MiB machine)",
        "10 GB NVMe, partition 1, ext4, label cloudimg-rootfs",
        "vfat, label UEFI, partition 15, about 98 MB as df shows it, at /boot/efi",
        "10 GB NVMe, whole disk, ext4, at /sessions, found by label, never by /dev/nvmeXn1 order",
        "true",
        "Ubuntu 22.04.5 LTS",
        "6.8 series, PREEMPT_DYNAMIC (the reference: 6.8.0-90-generic)",
        "mode 2, at least 2 filters",
        "CapInh, CapPrm, CapEff, CapBnd, CapAmb all 0",
        "PID 1 bwrap, 2 bash, 3 socat (3128), 4 socat (1080), 5 the agent",
        "no route, no DNS; AF_UNIX sockets cannot be created",
        "localhost:3128 inside, over a UNIX socket through socat",
        "localhost:1080 inside, for FTP, gRPC and the rest",
        "/sessions/<name>, its own Unix user, mode 0750",
        "/sessions/<name>/mnt/<folder>, each ro, rw (no delete) or rwd (with delete)",
        "none: files, processes, IPC, /tmp, ports, proxy tokens",
        "2 (configurable list)",
      ],
    );
  });

  it("agrees with itself: ports, homes, and the MCP servers that ship", () => {
    assert.deepEqual([HTTP_PORT, SOCKS_PORT], [3128, 1080]);
    assert.deepEqual([REFERENCE.S7.pid3, REFERENCE.S7.pid4], [`socat (${HTTP_PORT})`, `socat (${SOCKS_PORT})`]);
    assert.equal(REFERENCE.N2.home, `${REFERENCE.D3.at}/<name>`);
    assert.equal(REFERENCE.N3.at, `${REFERENCE.N2.home}/mnt/<folder>`);
    assert.equal(Object.keys(DEFAULT_MCP_SERVERS).length, REFERENCE.A4.servers);
  });
});
