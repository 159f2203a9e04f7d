import { existsSync } from "node:fs";
import type { Program } from "../support/programs/matrix.ts";
import { morePrograms } from "./more.ts";
import type { Needs } from "./needs.ts";

/** The rest of the matrix: programs that must be fetched or installed. `needs` is asked when they run. */
export function programs(needs: () => Needs): readonly Program[] {
  return [
    ...node(needs),
    ...python(needs),
    ...packageManagers(needs),
    ...java(needs),
    ...other(needs),
    ...morePrograms(needs),
  ];
}

/** Returns what to install, where a program is not there. */
const package_ = (program: string, name = program) =>
  existsSync(`/usr/bin/${program}`) ? undefined : `apt-get install ${name}`;

function node(needs: () => Needs): readonly Program[] {
  const run = (script: string) => {
    const { clients } = needs();
    return `NODE_PATH=${clients.npm} ${clients.node}/node -e '${script}; process.on("unhandledRejection", (e) => { console.error(e); process.exit(1); })'`;
  };
  const print = "(r) => { process.exitCode = r.statusCode === 200 ? 0 : 1; r.pipe(process.stdout); }";
  const socket = (make: string) =>
    `const s = ${make}; s.onopen = () => s.send("?"); s.onmessage = (m) => { console.log(m.data); s.close(); };
     s.onerror = (e) => { console.error(e.message); process.exit(1); }`;
  return [
    {
      name: "Node's fetch",
      script: ({ https }) => run(`fetch("${https}/hello").then((r) => r.text()).then(console.log)`),
    },
    {
      name: "Node's https module",
      script: ({ https }) => run(`require("node:https").get("${https}/hello", ${print})`),
    },
    {
      name: "Node's http module",
      script: ({ http }) => run(`require("node:http").get("${http}/hello", ${print})`),
    },
    {
      name: "axios, https",
      script: ({ https }) => run(`require("axios").get("${https}/hello").then((r) => console.log(r.data))`),
    },
    {
      name: "axios, http",
      script: ({ http }) => run(`require("axios").get("${http}/hello").then((r) => console.log(r.data))`),
    },
    {
      name: "Node's WebSocket, wss",
      script: ({ host }) => run(socket(`new WebSocket("wss://${host}:${needs().others.websocketTls}")`)),
    },
    {
      name: "ws with https-proxy-agent, wss",
      script: ({ host }) =>
        run(
          `const { HttpsProxyAgent } = require("https-proxy-agent"); const agent = new HttpsProxyAgent(process.env.https_proxy);
          ${socket(`new (require("ws"))("wss://${host}:${needs().others.websocketTls}", { agent })`)}`,
        ),
    },
    {
      name: "grpc-js",
      script: ({ host }) =>
        run(
          `const grpc = require("@grpc/grpc-js"); const bytes = (b) => b;
          const roots = require("node:fs").readFileSync(process.env.SSL_CERT_FILE);
          const client = new grpc.Client("${host}:${needs().others.grpc}", grpc.credentials.createSsl(roots));
          client.makeUnaryRequest("/mark.Mark/Ask", bytes, bytes, Buffer.from("?"), { deadline: Date.now() + 8000 },
            (error, answer) => { console.log(error ?? answer.toString()); process.exit(error ? 1 : 0); })`,
        ),
    },
  ];
}

function python(needs: () => Needs): readonly Program[] {
  const run = (script: string) => `PYTHONPATH=${needs().clients.python} /usr/bin/python3 - <<'END'\n${script}\nEND`;
  const aio = (body: string) =>
    run(`import asyncio, os, ssl\nasync def main():\n${body.replace(/^/gm, "    ")}\nasyncio.run(main())`);
  const trusted = `ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])`;
  const talk = (url: string, more = "") =>
    `import aiohttp\nasync with aiohttp.ClientSession(trust_env=True) as s:\n  async with s.ws_connect("${url}"${more}) as w:\n    await w.send_str("?"); print(await w.receive_str())`;
  return [
    { name: "requests", script: ({ https }) => run(`import requests\nprint(requests.get("${https}/hello").text)`) },
    {
      name: "httpx, http",
      script: ({ http }) => run(`import httpx\nprint(httpx.get("${http}/hello").raise_for_status().text)`),
    },
    {
      name: "httpx, https",
      script: ({ https }) =>
        run(`import httpx, os, ssl\nprint(httpx.get("${https}/hello", verify=${trusted}).raise_for_status().text)`),
    },
    {
      name: "aiohttp (trust_env=True)",
      script: ({ https }) =>
        aio(
          `import aiohttp\nasync with aiohttp.ClientSession(trust_env=True) as s:\n  async with s.get("${https}/hello", ssl=${trusted}) as r:\n    print(await r.text())`,
        ),
    },
    {
      name: "aiohttp's WebSocket, ws: an upgrade without a tunnel",
      script: ({ host }) => aio(talk(`ws://${host}:${needs().others.websocket}`)),
    },
    {
      name: "aiohttp's WebSocket, wss",
      script: ({ host }) => aio(talk(`wss://${host}:${needs().others.websocketTls}`, `, ssl=${trusted}`)),
    },
    {
      name: "websockets",
      script: ({ host }) =>
        aio(
          `import websockets\nasync with websockets.connect("wss://${host}:${needs().others.websocketTls}", ssl=${trusted}) as w:\n  await w.send("?"); print(await w.recv())`,
        ),
    },
    {
      name: "grpcio (gRPC's C core)",
      script: ({ host }) =>
        run(
          `import grpc, os\nroots = open(os.environ["SSL_CERT_FILE"], "rb").read()\nchannel = grpc.secure_channel("${host}:${needs().others.grpc}", grpc.ssl_channel_credentials(roots))\nprint(channel.unary_unary("/mark.Mark/Ask")(b"?", timeout=8))`,
        ),
    },
    {
      name: "pip",
      script: ({ https }) =>
        `PYTHONPATH=${needs().clients.python} /usr/bin/python3 -m pip install -q --retries 0 --index-url ${https}/pypi/simple --target t mark && cat t/mark.py`,
      seconds: 40,
    },
    {
      name: "uv",
      script: ({ https }) =>
        `UV_HTTP_RETRIES=0 ${needs().clients.python}/bin/uv pip install -q --python /usr/bin/python3 --default-index ${https}/pypi/simple --target t mark && cat t/mark.py`,
      seconds: 40,
    },
  ];
}

function packageManagers(needs: () => Needs): readonly Program[] {
  const npm = (program: string, host: string) =>
    `echo '{}' > package.json && PATH="${needs().clients.node}:$PATH" ${program} install --registry ${host}/npm --fetch-retries 0 mark@1.0.0 && cat node_modules/mark/index.js`;
  return [
    { name: "npm", script: ({ https }) => npm("node /usr/lib/node_modules/npm/bin/npm-cli.js", https), seconds: 60 },
    {
      name: "pnpm",
      script: ({ https }) => npm(`node ${needs().clients.npm}/pnpm/bin/pnpm.cjs`, https).replace("install", "add"),
      seconds: 60,
    },
    {
      name: "cargo",
      missing: () => (needs().clients.cargo === undefined ? "Rust is not installed (rustup)" : undefined),
      script: ({ https }) =>
        `export CARGO_HOME=$PWD/cargo PATH="${needs().clients.cargo}:$PATH" CARGO_NET_RETRY=0
        mkdir src .cargo && touch src/lib.rs && printf '[registries.tests]\\nindex = "sparse+${https}/cargo/"\\n' > .cargo/config.toml
        printf '[package]\\nname = "try"\\nversion = "1.0.0"\\n[dependencies]\\nmark = { version = "1", registry = "tests" }\\n' > Cargo.toml
        cargo fetch && cat cargo/registry/src/*/mark-1.0.0/src/lib.rs`,
      seconds: 60,
    },
  ];
}

function java(needs: () => Needs): readonly Program[] {
  const trust = () => `-Djavax.net.ssl.trustStore=${needs().trust} -Djavax.net.ssl.trustStorePassword=changeit`;
  const environment = (own: Readonly<Record<string, string>>) => ({
    JAVA_TOOL_OPTIONS: `${own["JAVA_TOOL_OPTIONS"]} ${trust()}`,
  });
  const shared = { environment, missing: () => package_("java", "default-jdk-headless"), seconds: 90 };
  const source = (statement: string, start = "java Ask.java") => `cat > Ask.java <<'END'
import java.net.*; import java.net.http.*;
class Ask { public static void main(String[] a) throws Exception { ${statement} } }
END
${start}`;
  const maven = (program: string, host: string) => `cat > pom.xml <<'END'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<parent><groupId>example</groupId><artifactId>mark</artifactId><version>1.0.0</version><relativePath/></parent><artifactId>try</artifactId><packaging>pom</packaging>
<repositories><repository><id>central</id><url>${host}/maven</url></repository></repositories></project>
END
HOME=$PWD ${program} -B -Dmaven.repo.local=$PWD/m2 validate && ls m2/example/mark/1.0.0/mark-1.0.0.pom && echo hello`;
  return [
    {
      ...shared,
      name: "Java's URLConnection",
      script: ({ https }) =>
        source(`System.out.println(new String(new URL("${https}/hello").openStream().readAllBytes()));`),
    },
    {
      ...shared,
      name: "Java's HttpClient (with the default selector and authenticator)",
      script: ({ https }) =>
        source(
          `var r = HttpClient.newBuilder().proxy(ProxySelector.getDefault()).authenticator(Authenticator.getDefault()).build()
            .send(HttpRequest.newBuilder(URI.create("${https}/hello")).build(), HttpResponse.BodyHandlers.ofString());
          System.out.println(r.body()); if (r.statusCode() != 200) System.exit(1);`,
        ),
    },
    {
      ...shared,
      name: "Java without the agent, by proxied run",
      environment: () => ({ JAVA_TOOL_OPTIONS: trust() }),
      script: ({ https }) =>
        source(
          `System.out.println(new String(new URL("${https}/hello").openStream().readAllBytes()));`,
          `$PROXIED run bash -c 'java -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=\${https_proxy##*:} Ask.java'`,
        ),
    },
    {
      ...shared,
      name: "Maven 3.8 (apt), by proxied run",
      missing: () => package_("mvn", "maven"),
      script: ({ https }) => maven("$PROXIED run /usr/bin/mvn", https),
    },
    {
      ...shared,
      name: "Maven 3.9, by proxied run",
      script: ({ https }) => maven(`$PROXIED run ${needs().clients.maven}`, https),
    },
    {
      ...shared,
      name: "Gradle 4.4 (apt)",
      missing: () => package_("gradle"),
      script: ({ https }) => `cat > build.gradle <<'END'
repositories { maven { url "${https}/maven" } }
configurations { got }
dependencies { got "example:mark:1.0.0@jar" }
task show { doLast { configurations.got.files.each { println zipTree(it).singleFile.text } } }
END
GRADLE_USER_HOME=$PWD/g gradle --no-daemon -q show`,
      seconds: 180,
    },
  ];
}

/** Chromium's own sandbox takes user namespaces, and its background work asks for hosts of its maker's. */
const flags =
  "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking --disable-component-update --disable-sync --ignore-certificate-errors";

function other(needs: () => Needs): readonly Program[] {
  const ssh = (host: string) => `root@${host}`;
  const login = () => `-i ${needs().key}`;
  return [
    {
      name: "git over ssh",
      script: ({ host }) =>
        `export GIT_SSH_COMMAND="$GIT_SSH_COMMAND ${login()}" && git clone -q ssh://${ssh(host)}:${needs().others.ssh}${needs().repository} r && cat r/mark`,
    },
    {
      name: "git over ssh, where the user's own settings share a connection",
      script: ({ host }) =>
        `mkdir -p ~/.ssh && printf 'Host *\\nControlMaster auto\\nControlPath ~/.ssh/%%C\\n' > ~/.ssh/config && trap 'rm ~/.ssh/config' EXIT
        export GIT_SSH_COMMAND="$GIT_SSH_COMMAND ${login()}" && git clone -q ssh://${ssh(host)}:${needs().others.ssh}${needs().repository} r && cat r/mark`,
    },
    { name: "ssh", script: ({ host }) => `ssh ${login()} -p ${needs().others.ssh} ${ssh(host)} echo hello` },
    {
      name: "sftp",
      script: ({ host }) =>
        `sftp -q ${login()} -P ${needs().others.ssh} ${ssh(host)}:${needs().repository}/mark . && cat mark`,
    },
    {
      name: "scp",
      script: ({ host }) =>
        `scp -q ${login()} -P ${needs().others.ssh} ${ssh(host)}:${needs().repository}/mark . && cat mark`,
    },
    {
      name: "rsync's own protocol",
      missing: () => package_("rsync"),
      script: ({ host }) => `rsync rsync://${host}:${needs().others.rsync}/files/hello . && cat hello`,
    },
    {
      name: "rsync over ssh",
      missing: () => package_("rsync"),
      script: ({ host }) =>
        `rsync -e 'ssh ${login()} -p ${needs().others.ssh}' ${ssh(host)}:${needs().repository}/mark . && cat mark`,
    },
    {
      name: "Chromium (headless shell), by proxied run",
      missing: () => package_("chromium-headless-shell"),
      script: ({ https }) =>
        `HOME=$PWD $PROXIED run chromium-headless-shell ${flags} --user-data-dir=$PWD/p --dump-dom ${https}/hello 2> err | grep hello || { tail -5 err >&2; exit 1; }`,
      seconds: 60,
    },
    {
      name: "Chromium (headless shell), by Playwright",
      missing: () => package_("chromium-headless-shell"),
      script: ({ https }) =>
        `NODE_PATH=${needs().clients.npm} HOME=$PWD ${needs().clients.node}/node -e '(async () => {
          const { username, password, origin: server } = new URL(process.env.https_proxy);
          const browser = await require("playwright-core").chromium.launch({
            executablePath: "/usr/bin/chromium-headless-shell", proxy: { server, username, password }, args: "${flags}".split(" "),
          });
          const answer = await (await browser.newPage({ ignoreHTTPSErrors: true })).goto("${https}/hello");
          console.log(answer.status(), await answer.text());
          await browser.close();
          process.exit(answer.ok() ? 0 : 1);
        })().catch((error) => { console.error(error); process.exit(1); })'`,
      seconds: 60,
    },
  ];
}
