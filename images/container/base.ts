import { join } from "node:path";
import { execa } from "execa";
import { type Report, type Store, sha256 } from "../../lib/store.ts";
import { isolated } from "../base/debian/build.ts";
import { mirrorOf, readHostApt } from "../base/debian/mirror.ts";
import type { Arch } from "../runtime/arch.ts";
import { PACKAGES, SUITE } from "./packages.ts";

const TAR = "base.tar";

/** Files of packages that no session uses, as patterns of dpkg. */
const LEFT_OUT: readonly string[] = [
  ...["doc", "info", "lintian", "locale", "man"].map((name) => `/usr/share/${name}/*`),
  // git depends on the full perl for its programs for mail and Subversion. `perl` itself and the modules of perl-base stay.
  ...["/usr/share/perl/*", "/usr/lib/*/perl/*", "/usr/lib/*/libperl.so*"],
  // Scripts of the full perl, which would be there and not work.
  ...[
    "corelist",
    "cpan*",
    "enc2xs",
    "encguess",
    "h2ph",
    "h2xs",
    "instmodsh",
    "json_pp",
    "libnetcfg",
    "perl5*-*-*",
    "perlbug",
  ].map((name) => `/usr/bin/${name}`),
  ...[
    "perlivp",
    "perlthanks",
    "piconv",
    "pl2pm",
    "pod2*",
    "podchecker",
    "prove",
    "ptar*",
    "shasum",
    "splain",
    "streamzip",
  ].map((name) => `/usr/bin/${name}`),
  ...["xsubpp", "zipdetails", "git-shell", "scalar"].map((name) => `/usr/bin/${name}`),
  // git's servers, and its programs for mail, WebDAV and browsers.
  ...["git-daemon", "git-http-backend", "git-http-push", "git-imap-send", "git-instaweb", "git-shell", "scalar"].map(
    (name) => `/usr/lib/git-core/${name}`,
  ),
  "/usr/share/gitweb/*",
  // Character sets: those of the next list stay.
  "/usr/lib/*/gconv/*",
];

/** Unicode's, ISO's and Windows' character sets, and what most text in Chinese, Japanese, Korean and Russian is in. */
const LEFT_IN: readonly string[] = [
  "/usr/share/doc/*/copyright",
  ...[
    "gconv-modules*",
    "UNICODE.so",
    "UTF-*.so",
    "ISO8859-*.so",
    "CP125?.so",
    "KOI8-*.so",
    "IBM437.so",
    "IBM850.so",
    "EUC-JP.so",
    "SJIS.so",
    "CP932.so",
    "EUC-KR.so",
    "UHC.so",
    "GBK.so",
    "GB18030.so",
    "BIG5.so",
    "libJIS.so",
    "libKSC.so",
  ].map((name) => `/usr/lib/*/gconv/${name}`),
];

export const MMDEBSTRAP_MISSING =
  "mmdebstrap is needed to make a base image from packages, and is not on PATH. Install it (apt-get install mmdebstrap), or name a base " +
  "image: --base debian:trixie-slim";

/** mmdebstrap's arguments. The same packages give the same bytes. */
export function mmdebstrapArguments(arch: Arch, output: string, mirror: string): string[] {
  return [
    ...["--variant=minbase", "--format=tar", `--architectures=${arch}`, `--include=${PACKAGES.join(",")}`],
    ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
    ...LEFT_IN.map((path) => `--dpkgopt=path-include=${path}`),
    "--aptopt=APT::Install-Recommends false",
    ...[SUITE, output, `deb ${mirror} ${SUITE} main`],
  ];
}

/**
 * A base image's file system, made from packages of the mirror that this computer's apt uses: for closed networks. Found in the store,
 * or made.
 *
 * @returns path of a tar archive, and the key that it has in the store
 * @throws when mmdebstrap is missing or fails, with its last lines
 */
export async function ensureBase(store: Store, arch: Arch, report: Report): Promise<{ tar: string; key: string }> {
  const key = sha256(JSON.stringify(mmdebstrapArguments(arch, "", "")));
  const { path } = await store.entry(
    "container-base",
    key,
    async (dir) => {
      const apt = await readHostApt();
      const mirror = mirrorOf(apt);
      report(`making a base image from packages of ${mirror}`);
      const [command = "", ...rest] = isolated(
        ["mmdebstrap", ...mmdebstrapArguments(arch, join(dir, TAR), mirror)],
        process.getuid?.() === 0,
      );
      const result = await execa(command, rest, {
        env: { SOURCE_DATE_EPOCH: "0", LC_ALL: "C.UTF-8", ...(apt.proxy ? { http_proxy: apt.proxy } : {}) },
        reject: false,
        stdin: "ignore",
        all: true,
      });
      if (result.failed) {
        const said = (result.all ?? "").trim().split("\n").slice(-12).join("\n");
        throw new Error(/ENOENT|No such file/.test(said) ? MMDEBSTRAP_MISSING : `mmdebstrap failed:\n${said}`);
      }
    },
    { report },
  );
  return { tar: join(path, TAR), key };
}
