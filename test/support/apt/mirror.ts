import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import * as openpgp from "openpgp";

/** A package of a {@link TestMirror}. */
export interface TestPackage {
  readonly name: string;
  readonly depends?: string;
  /** Paths of files beside its own, which hold the package's name. */
  readonly files?: readonly string[];
}

/**
 * A mirror of packages on this computer's loopback, signed by a key of its own, which can refuse to answer. Packages are
 * real ones, made by dpkg-deb; apt is the computer's.
 */
export class TestMirror {
  /** The key, armoured: what `signed-by` names. */
  readonly publicKey: string;
  readonly files: Map<string, Buffer>;
  /** Requests that were answered. */
  answered = 0;
  /** Requests that were cut off. */
  refused = 0;
  /** Cuts every connection, as a mirror does that is restarted. */
  down = false;
  readonly #server: Server;

  private constructor(server: Server, files: Map<string, Buffer>, publicKey: string) {
    this.#server = server;
    this.files = files;
    this.publicKey = publicKey;
  }

  static async start(packages: readonly TestPackage[]): Promise<TestMirror> {
    const { privateKey, publicKey } = await openpgp.generateKey({
      type: "rsa",
      rsaBits: 2048,
      userIDs: [{ name: "mirror" }],
      format: "object",
    });
    const files = await repositoryOf(packages);
    const text = releaseOf(files);
    const message = await openpgp.createCleartextMessage({ text });
    files.set("InRelease", Buffer.from(await openpgp.sign({ message, signingKeys: privateKey })));
    const server = createServer();
    const mirror = new TestMirror(server, files, publicKey.armor());
    server.on("request", (request, response) => {
      if (mirror.down) {
        mirror.refused += 1;
        request.socket.destroy();
        return;
      }
      mirror.answered += 1;
      const found = mirror.files.get((request.url ?? "").replace(/^\/(\.\/)?/, ""));
      response.writeHead(found ? 200 : 404, { "content-length": found?.length ?? 0 });
      response.end(found);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    return mirror;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}

/** The files of a flat repository: `Packages` and one .deb for each package. */
export async function repositoryOf(packages: readonly TestPackage[]): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const folder = await mkdtemp(join(tmpdir(), "cloister-debs-"));
  try {
    let index = "";
    for (const { name, depends, files: more = [] } of packages) {
      const control = `Package: ${name}\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\n${
        depends ? `Depends: ${depends}\n` : ""
      }Description: a package of a test\n`;
      const root = join(folder, name);
      await mkdir(join(root, "DEBIAN"), { recursive: true });
      await writeFile(join(root, "DEBIAN/control"), control);
      for (const path of [`usr/share/${name}/here`, ...more]) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), name);
      }
      const deb = join(folder, `${name}.deb`);
      await execa("dpkg-deb", ["--root-owner-group", "-Zgzip", "--build", root, deb]);
      const data = await readFile(deb);
      files.set(`${name}.deb`, data);
      index += `${control}Filename: ./${name}.deb\nSize: ${data.length}\nSHA256: ${sha256(data)}\n\n`;
    }
    files.set("Packages", Buffer.from(index));
    files.set("Packages.gz", gzipSync(index));
    return files;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function releaseOf(files: ReadonlyMap<string, Buffer>): string {
  const lines = ["Packages", "Packages.gz"].map((name) => {
    const data = files.get(name) ?? Buffer.alloc(0);
    return ` ${sha256(data)} ${data.length} ${name}`;
  });
  return `Origin: test\nDate: ${new Date(Date.now() - 60_000).toUTCString().replace("GMT", "UTC")}\nSHA256:\n${lines.join("\n")}\n`;
}

const sha256 = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
