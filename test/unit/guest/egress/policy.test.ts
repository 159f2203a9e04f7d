import assert from "node:assert/strict";
import { deniedAddress, parsePolicy } from "../../../../guest/egress/policy.ts";

describe("the policy of --allow", () => {
  const refused = (entry: string) => {
    const { problems } = parsePolicy([entry]);
    assert.equal(problems.length, 1, `${entry}: ${JSON.stringify(problems)}`);
    const [problem] = problems;
    assert.equal(problem?.value, entry);
    return problem?.message ?? "";
  };

  for (const entry of [
    "example.com",
    "example.com:443",
    "*.example.com",
    "*.example.com:8443",
    "8.8.8.8",
    "8.8.8.8:53",
    "[2606:4700::1111]",
    "[2606:4700::1111]:443",
    "xn--bcher-kva.example",
  ]) {
    it(`takes ${entry}`, () => {
      assert.deepEqual(
        parsePolicy([entry]).policy?.rules.map(({ pattern }) => pattern),
        [entry],
      );
    });
  }

  for (const [entry, instead] of [
    ["https://github.com/anthropics", "github.com"],
    ["HTTPS://GitHub.com:8443/", "github.com:8443"],
    ["socks5h://proxy.example:1080", "proxy.example:1080"],
    ["http://[2606:4700::1111]/", "[2606:4700::1111]"],
    ["m\u00fcller.de", "xn--mller-kva.de"],
    ["*.m\u00fcller.de:443", "*.xn--mller-kva.de:443"],
    ["\u65e5\u672c.jp", "xn--wgv71a.jp"],
    ["http://localhost:8080", undefined],
    ["http://10.0.0.1/", undefined],
    ["https://", undefined],
    ["x://%", undefined],
    ["\u00fc b", undefined],
  ] as const) {
    it(`says ${instead ?? "only the shape"} instead of ${entry}`, () => {
      const [{ message = "" } = {}, ...more] = parsePolicy([entry]).problems;
      assert.deepEqual(more, []);
      assert.ok(message.endsWith(`; write ${instead ?? "HOST, HOST:PORT, *.HOST or [IPv6 address]"}`), message);
      if (instead !== undefined) assert.deepEqual(parsePolicy([instead]).problems, [], "and takes that");
    });
  }

  for (const entry of [
    "",
    "*",
    "*.com",
    "*:443",
    "example.com/path",
    "example.com:0",
    "example.com:65536",
    "example.com:http",
    "user@example.com",
    "exa mple.com",
    "2606:4700::1111",
    "a.*.example.com",
    "example.com\nevil.example",
  ]) {
    it(`refuses ${JSON.stringify(entry)} as no host`, () => {
      assert.match(refused(entry), /write HOST, HOST:PORT, \*\.HOST or \[IPv6 address\]$/);
    });
  }

  for (const entry of [
    "169.254.169.254",
    "169.254.169.254:80",
    "169.254.170.2",
    "[fd00:ec2::254]",
    "127.0.0.1",
    "127.0.0.1:8080",
    "[::1]:80",
    "10.0.2.2",
    "172.20.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "[ff02::1]",
    "[fe80::1]",
    "[fc00::1]",
    "0.0.0.0",
    "[::]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "localhost:80",
    "app.localhost",
    "*.app.localhost",
  ]) {
    it(`refuses ${entry}: never reachable`, () => {
      assert.match(refused(entry), /never reachable from a session$/);
    });
  }

  for (const entry of ["2852039166.1", "0xa9fea9fe.", "0x7f.1", "127.1", "0177.0.0.1"]) {
    it(`does not take ${entry} for a name`, () => {
      assert.notEqual(parsePolicy([entry]).problems.length, 0);
    });
  }

  it("tells every problem at once", () => {
    const { problems } = parsePolicy(["example.com", "*", "10.0.0.1", "https://x.example"]);
    assert.equal(problems.length, 3);
  });

  it("is strict: an empty list allows nothing, and every denied range is handed on", () => {
    const { policy } = parsePolicy([]);
    assert.deepEqual(policy?.rules, []);
    for (const range of ["169.254.0.0/16", "10.0.0.0/8", "127.0.0.0/8", "fc00::/7", "fe80::/10", "224.0.0.0/4"]) {
      assert.ok(policy?.deniedResolvedAddresses.includes(range), range);
    }
  });
});

describe("denied addresses", () => {
  it("are found in the forms that carry an IPv4 address", () => {
    for (const address of ["::ffff:10.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::"]) {
      assert.match(deniedAddress(address) ?? "", /private/, address);
    }
  });

  it("are not all addresses", () => {
    for (const address of ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "172.32.0.1"]) {
      assert.equal(deniedAddress(address), undefined, address);
    }
  });
});
