import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { authorityEnvironment } from "../../../../guest/sandbox/authorities.ts";

const BOOT = join(import.meta.dirname, "../../../../guest/boot");
const UPDATE = "/usr/sbin/update-ca-certificates";

/** Folders of a test in place of the system's, a server whose certificate is of a made authority, and real clients. */
describe("boot: certificate authorities", function () {
  this.timeout(60_000);
  let folder: string;
  let server: Server;
  let environment: Record<string, string>;
  let authority: string;

  before(async function () {
    if (!existsSync(UPDATE) || (await execa("openssl", ["version"], { reject: false })).failed) this.skip();
    folder = await mkdtemp(join(tmpdir(), "cloister-authorities-"));
    const at = (name: string) => join(folder, name);
    for (const name of ["etc/cloister", "etc/ssl/certs", "run", "hooks", "none"]) {
      await mkdir(at(name), { recursive: true });
    }
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "10"];
    const openssl = async (...args: string[]) => await execa("openssl", args);
    for (const name of ["ca", "ca2"]) {
      await openssl(
        ...["req", "-x509", ...key, "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`), "-subj", `/CN=${name}`],
        ...["-addext", "basicConstraints=critical,CA:TRUE"],
      );
    }
    await openssl("req", ...key, "-keyout", at("leaf.key"), "-out", at("leaf.csr"), "-subj", "/CN=localhost");
    await writeFile(at("leaf.ext"), "subjectAltName=DNS:localhost\n");
    await openssl(
      ...["x509", "-req", "-in", at("leaf.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial"],
      ...["-days", "10", "-extfile", at("leaf.ext"), "-out", at("leaf.pem")],
    );
    authority = await readFile(at("ca.pem"), "utf8");
    server = createServer(
      { cert: await readFile(at("leaf.pem")), key: await readFile(at("leaf.key")) },
      (_, response) => response.end("it is trusted"),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, "localhost", resolve);
    });
    environment = {
      PATH: String(process.env["PATH"]),
      CLOISTER_ETC: at("etc"),
      CLOISTER_LOCAL: at("local"),
      CLOISTER_RUN: at("run"),
      CLOISTER_CONSOLE: at("console"),
    };
  });
  after(async () => {
    server?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const install = async () =>
    await execa("sh", ["-c", `. '${BOOT}/lib.sh'; . '${BOOT}/authorities.sh'; authorities`], {
      env: environment,
      extendEnv: false,
      reject: false,
      all: true,
    });
  const files = () => ({
    own: join(folder, "etc/ssl/cloister/authorities.pem"),
    system: join(folder, "etc/ssl/certs/ca-certificates.crt"),
  });
  it("are none where the stack has none: nothing is done, and sessions have no variables", async () => {
    assert.equal((await install()).exitCode, 0);
    assert.ok(!existsSync(files().system));
    assert.deepEqual(authorityEnvironment(files()), {});
  });

  it("are in the system's list and folder, each as a file of its own, once", async () => {
    const second = await readFile(join(folder, "ca2.pem"), "utf8");
    await writeFile(join(folder, "etc/cloister/authorities.pem"), authority + second);
    const { exitCode, all } = await install();
    assert.equal(exitCode, 0, all);
    const local = join(folder, "local/share/ca-certificates/cloister");
    assert.deepEqual(await readdir(local), ["cloister-authority-1.crt", "cloister-authority-2.crt"]);
    const list = await readFile(files().system, "utf8");
    for (const pem of [authority, second]) assert.ok(list.includes(new X509Certificate(pem).toString().trim()));
    const verify = ["verify", "-no-CAfile", "-CApath", join(folder, "etc/ssl/certs"), join(folder, "leaf.pem")];
    assert.match((await execa("openssl", verify)).stdout, /: OK$/);
    assert.notEqual((await execa("openssl", verify.toSpliced(3, 1, "/none"), { reject: false })).exitCode, 0);
    assert.equal((await install()).exitCode, 0);
    assert.equal(await readFile(files().system, "utf8"), list, "later boots have nothing to do");
  });

  it("stay when a package calls update-ca-certificates", async () => {
    const local = ["--localcertsdir", join(folder, "local/share/ca-certificates"), "--hooksdir", join(folder, "hooks")];
    const rest = ["--certsconf", "/dev/null", "--certsdir", join(folder, "none")];
    await execa(UPDATE, [...rest, ...local, "--etccertsdir", join(folder, "etc/ssl/certs")]);
    const list = await readFile(files().system, "utf8");
    assert.equal(list.match(/BEGIN CERTIFICATE/g)?.length, 2);
  });

  /** Clients with lists of their own, by the variables of a session. */
  const clients: Readonly<Record<string, (url: string) => string[]>> = {
    Node: (url) => ["node", "-e", `fetch("${url}").then(async (r) => console.log(await r.text()))`],
    Python: (url) => ["python3", "-c", `import urllib.request as u; print(u.urlopen("${url}").read().decode())`],
    curl: (url) => ["curl", "-sS", url],
    git: (url) => ["git", "ls-remote", url],
  };
  for (const [name, command] of Object.entries(clients)) {
    it(`are trusted by ${name}, and only with the session's variables`, async function () {
      const [program = "", ...args] = command(`https://localhost:${(server.address() as AddressInfo).port}/`);
      if ((await execa(program, ["--version"], { reject: false })).failed) this.skip();
      const ask = async (variables: Record<string, string>) => {
        const env = { PATH: process.env["PATH"], HOME: folder, ...variables };
        return await execa(program, args, { env, extendEnv: false, reject: false, all: true });
      };
      const control = await ask({});
      assert.notEqual(control.exitCode, 0);
      assert.match(control.all, /certificate/i);
      const trusted = await ask(authorityEnvironment(files()));
      assert.equal(trusted.exitCode, 0, trusted.all);
      // git finds no reference in that answer.
      assert.equal(trusted.all, name === "git" ? "" : "it is trusted");
    });
  }

  it("end the boot with the reason when they cannot be installed", async () => {
    await writeFile(join(folder, "etc/cloister/authorities.pem"), authority.replace(/MII/, "MIX"));
    assert.equal((await install()).exitCode, 1);
    assert.match(
      await readFile(join(folder, "console"), "utf8"),
      /not ready: a certificate authority of cloister:certificateAuthorities could not be installed: /,
    );
  });
});
