import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "./matrix.ts";

/** A node_modules folder that sessions of these tests see under the same path. */
export const UNDICI = join(import.meta.dirname, "../../../node_modules/undici");

const PYTHON = "/usr/bin/python3";
const GO = "/usr/local/go/bin/go";

const urllib = (url: string) => `${PYTHON} -c 'import urllib.request as u; print(u.urlopen("${url}").read().decode())'`;
const first = (...paths: readonly string[]) => paths.find((path) => existsSync(path)) ?? paths[0];

/** Programs that most computers have, and that need no download. */
export const QUICK: readonly Program[] = [
  { name: "curl, http", script: ({ http }) => `curl -sSf ${http}/hello` },
  { name: "curl, https", script: ({ https }) => `curl -sSf ${https}/hello` },
  { name: "wget", script: ({ https }) => `wget -qO- --tries=1 --ca-certificate="$SSL_CERT_FILE" ${https}/hello` },
  { name: "git over https", script: ({ https }) => `git clone -q ${https}/git/mark.git r && cat r/mark` },
  { name: "Python's urllib, http", script: ({ http }) => urllib(`${http}/hello`) },
  { name: "Python's urllib, https", script: ({ https }) => urllib(`${https}/hello`) },
  {
    name: "Node with undici",
    script: ({ https }) =>
      `node -e 'const { EnvHttpProxyAgent, request } = require("${UNDICI}");
      request("${https}/hello", { dispatcher: new EnvHttpProxyAgent() }).then((r) => r.body.text()).then(console.log);'`,
  },
  {
    name: "Go's modules",
    script: ({ https }) =>
      `export GOPATH=$PWD GOPROXY=${https}/go GOSUMDB=off GOFLAGS=-modcacherw GOTOOLCHAIN=local
      ${first(GO, "/usr/bin/go")} mod download mark.example/mark@v1.0.0 && cat pkg/mod/mark.example/mark@v1.0.0/mark.go`,
    missing: () => (existsSync(GO) || existsSync("/usr/bin/go") ? undefined : "Go is in no folder that sessions see"),
  },
];
