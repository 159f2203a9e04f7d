import { existsSync } from "node:fs";
import type { Program } from "../support/programs/matrix.ts";
import type { Needs } from "./needs.ts";

/** Returns what to install, where a program is not there. */
const absent = (program: string, name = program) =>
  existsSync(`/usr/bin/${program}`) ? undefined : `apt-get install ${name}`;

/** An answer by which the server is known, to programs that want more of it than these tests' has. */
const answers = (pattern: string) => `2>err; cat err >&2; grep -qi "${pattern}" err && echo hello`;

/** Programs that are seldom, or whose makers look elsewhere for a proxy than most. */
export function morePrograms(needs: () => Needs): readonly Program[] {
  return [...javascript(needs), ...python(needs), ...languages(), ...sources(needs)];
}

function javascript(needs: () => Needs): readonly Program[] {
  const at = (name: string) => `${needs().clients.npm}/${name}`;
  const bun = () => at("@oven/bun-linux-x64/bin/bun");
  const deno = () => `DENO_CERT=$SSL_CERT_FILE DENO_DIR=$PWD/d ${at("@deno/linux-x64-glibc/deno")}`;
  const module = (script: string) =>
    `ln -s ${needs().clients.npm} node_modules && cat > a.mjs <<'END'\n${script}\nEND\n${needs().clients.node}/node a.mjs`;
  const yarn = (name: string, host: string) =>
    `echo '{"name":"x"}' > package.json && touch yarn.lock && export HOME=$PWD &&
    ${needs().clients.node}/node ${at(name)}/bin/yarn.js ${host} mark@1.0.0 && cat node_modules/mark/index.js`;
  return [
    {
      name: "Bun's fetch",
      script: ({ https }) =>
        `${bun()} -e 'const ca = await Bun.file(process.env.SSL_CERT_FILE).text();
        console.log(await (await fetch("${https}/hello", { tls: { ca } })).text())'`,
    },
    {
      name: "bun add",
      script: ({ https }) =>
        `echo '{}' > package.json && ${bun()} add --cafile $SSL_CERT_FILE --registry ${https}/npm mark@1.0.0 && cat node_modules/mark/index.js`,
      seconds: 40,
    },
    {
      name: "Deno's fetch",
      script: ({ https }) => `${deno()} eval 'console.log(await (await fetch("${https}/hello")).text())'`,
    },
    {
      name: "Deno's packages of npm",
      script: ({ https }) =>
        `NPM_CONFIG_REGISTRY=${https}/npm ${deno()} eval 'import mark from "npm:mark@1.0.0"; console.log(mark)'`,
      seconds: 40,
    },
    {
      name: "Yarn 1",
      script: ({ https }) => `export yarn_cafile=$SSL_CERT_FILE; ${yarn("yarn", `add --registry ${https}/npm`)}`,
      seconds: 60,
    },
    {
      name: "Yarn 4",
      script: ({ https }) =>
        `export YARN_NPM_MINIMAL_AGE_GATE=0 YARN_HTTP_RETRY=0 YARN_ENABLE_TELEMETRY=0 YARN_NODE_LINKER=node-modules
        export YARN_HTTPS_CA_FILE_PATH=$SSL_CERT_FILE YARN_NPM_REGISTRY_SERVER=${https}/npm
        ${yarn("@yarnpkg/cli-dist", "add")}`,
      seconds: 60,
    },
    {
      name: "got",
      script: ({ https }) =>
        module(`import got from "got"; console.log(await got("${https}/hello", { retry: { limit: 0 } }).text());`),
    },
    {
      name: "node-fetch",
      script: ({ https }) =>
        module(`import ask from "node-fetch"; console.log(await (await ask("${https}/hello")).text());`),
    },
    {
      name: "AWS's SDK for JavaScript, with https-proxy-agent",
      script: ({ https }) =>
        module(`import { S3 } from "@aws-sdk/client-s3"; import { HttpsProxyAgent } from "https-proxy-agent";
const requestHandler = { httpsAgent: new HttpsProxyAgent(process.env.https_proxy) };
const credentials = { accessKeyId: "a", secretAccessKey: "b" };
const s3 = new S3({ maxAttempts: 1, region: "eu-central-1", endpoint: "${https}", forcePathStyle: true, requestHandler, credentials });
await s3.getObject({ Bucket: "none", Key: "none" }).catch((e) => {
  if (e.$metadata?.httpStatusCode !== 404) throw e;
  console.log("hello");
});`),
      seconds: 40,
    },
  ];
}

function python(needs: () => Needs): readonly Program[] {
  const run = (script: string) => `PYTHONPATH=${needs().clients.python} /usr/bin/python3 - <<'END'\n${script}\nEND`;
  const proxy = `import os\nfrom urllib.parse import urlsplit\nca = os.environ["SSL_CERT_FILE"]\nproxy = urlsplit(os.environ["https_proxy"])`;
  return [
    {
      name: "urllib3's ProxyManager",
      script: ({ https }) =>
        run(`${proxy}
import urllib3
headers = urllib3.make_headers(proxy_basic_auth=f"{proxy.username}:{proxy.password}")
manager = urllib3.ProxyManager(proxy.geturl(), proxy_headers=headers, ca_certs=ca)
print(manager.request("GET", "${https}/hello", retries=0).data)`),
    },
    {
      name: "boto3",
      script: ({ https }) =>
        run(`import boto3, os
from botocore.config import Config
config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
s3 = boto3.client("s3", endpoint_url="${https}", region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b",
                  verify=os.environ["SSL_CERT_FILE"], config=config)
try:
    s3.get_object(Bucket="none", Key="none")
except s3.exceptions.ClientError as e:
    print("hello") if e.response["ResponseMetadata"]["HTTPStatusCode"] == 404 else exit(str(e))`),
      seconds: 40,
    },
    {
      name: "pycurl",
      script: ({ https }) =>
        run(`import pycurl, os
c = pycurl.Curl()
for option, value in ((c.URL, "${https}/hello"), (c.CAINFO, os.environ["SSL_CERT_FILE"]), (c.FAILONERROR, 1)):
    c.setopt(option, value)
c.perform()`),
    },
    {
      name: "Tornado, by curl",
      script: ({ https }) =>
        run(`${proxy}
from tornado.httpclient import AsyncHTTPClient, HTTPClient
AsyncHTTPClient.configure("tornado.curl_httpclient.CurlAsyncHTTPClient")
by = dict(proxy_host=proxy.hostname, proxy_port=proxy.port, proxy_username=proxy.username, proxy_password=proxy.password)
print(HTTPClient().fetch("${https}/hello", ca_certs=ca, **by).body)`),
    },
  ];
}

function languages(): readonly Program[] {
  return [
    {
      name: "Ruby's Net::HTTP",
      missing: () => absent("ruby"),
      script: ({ https }) => `ruby -e 'require "net/http"; puts Net::HTTP.get(URI("${https}/hello"))'`,
    },
    {
      name: "Ruby's open-uri",
      missing: () => absent("ruby"),
      script: ({ https }) => `ruby -e 'require "open-uri"; puts URI.open("${https}/hello").read'`,
    },
    {
      name: "Perl's HTTP::Tiny",
      missing: () => absent("perl"),
      script: ({ http }) =>
        `perl -MHTTP::Tiny -e '$r = HTTP::Tiny->new->get("${http}/hello"); print $r->{content}; exit !$r->{success}'`,
    },
    {
      name: "PHP's curl",
      missing: () => absent("php", "php-cli php-curl"),
      script: ({ https }) =>
        `php -r '$c = curl_init("${https}/hello"); curl_setopt($c, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
        curl_setopt($c, CURLOPT_FAILONERROR, true); exit(curl_exec($c) ? 0 : 1);'`,
    },
  ];
}

function sources(needs: () => Needs): readonly Program[] {
  const port = (url: string) => url.split(":").at(-1);
  return [
    {
      name: "ssh over a jump host",
      script: ({ host }) =>
        `mkdir -p ~/.ssh && trap 'rm ~/.ssh/config' EXIT && cat > ~/.ssh/config <<'END'
Host *
  IdentityFile ${needs().key}
Host inner
  HostName 127.0.0.1
  Port ${needs().others.ssh}
  User root
  ProxyJump root@${host}:${needs().others.ssh}
END
ssh inner echo hello`,
    },
    {
      name: "git-lfs",
      missing: () => absent("git-lfs"),
      script: ({ https }) =>
        `export HOME=$PWD && git init -q r && cd r && git config lfs.url ${https}/lfs
        printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 5\\n' 0 > p
        git-lfs smudge < p ${answers("404\\|not found")}`,
    },
    {
      name: "aria2",
      missing: () => absent("aria2c", "aria2"),
      script: ({ https }) => `aria2c -q --async-dns=false --ca-certificate=$SSL_CERT_FILE ${https}/hello && cat hello`,
    },
    {
      name: "skopeo",
      missing: () => absent("skopeo"),
      script: ({ host, https }) =>
        `mkdir certs && cp $SSL_CERT_FILE certs/ca.crt
        skopeo inspect --cert-dir $PWD/certs docker://${host}:${port(https)}/mark ${answers("404\\|manifest unknown")}`,
    },
    {
      name: "Mercurial",
      missing: () => absent("hg", "mercurial"),
      script: ({ https }) =>
        `hg --config web.cacerts=$SSL_CERT_FILE clone ${https}/hello r ${answers("not appear to be an hg repository")}`,
    },
    {
      name: "Subversion, by proxied run",
      missing: () => absent("svn", "subversion"),
      script: ({ https }) =>
        `$PROXIED run sh -c 'svn info --config-dir $PWD/c --non-interactive --trust-server-cert-failures=unknown-ca \\
        --config-option servers:global:http-proxy-host=localhost --config-option servers:global:http-proxy-port=\${https_proxy##*:} \\
        ${https}/mark' ${answers("404\\|405\\|501\\|path not found\\|OPTIONS")}`,
    },
  ];
}
