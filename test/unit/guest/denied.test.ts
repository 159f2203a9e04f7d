import assert from "node:assert/strict";
import { hostsWith, NO_TOKEN, NOT_ALLOWED } from "../../../guest/egress/decision.ts";
import { HOST_GROUPS } from "../../../guest/egress/groups.ts";
import { parsePolicy, ruleFor } from "../../../guest/egress/policy.ts";
import { howToAllow } from "../../../guest/run/tell.ts";
import { denial as row } from "../../support/denial.ts";

describe("after a denial", () => {
  it("the option that would have allowed it is named: a group where there is one", () => {
    const rows = [
      row("registry.npmjs.org", 443),
      row("example.com", 8443),
      row("example.com", 8443),
      row("2606:4700::1111", 443),
    ];
    assert.equal(howToAllow(rows), "--allow npm,example.com:8443,[2606:4700::1111]:443");
    const { policy } = parsePolicy([(howToAllow(rows) ?? "").replace("--allow ", "")]);
    for (const { host, port } of rows) assert.ok(policy && ruleFor(policy, host, port), host);
  });

  it("nothing is named that can never be reached, is no host, or was denied for another reason", () => {
    for (const one of [
      row("10.0.0.1", 80),
      row("localhost", 80),
      row("?", 0),
      row("$(reboot)", 80),
      row("x\n--allow y", 80),
      row("example.com", 80, { reason: "wrong or missing proxy token" }),
      row("example.com", 80, { verdict: "allowed" }),
    ]) {
      assert.equal(howToAllow([one]), undefined, one.host);
    }
  });
});

describe("the hosts that a run was denied", () => {
  it("are told once each, and not when the client had only asked without its token first", () => {
    const first = row("java.example", 443, { reason: NO_TOKEN });
    const allowed = row("java.example", 443, { verdict: "allowed", reason: "allowed by java.example" });
    const other = row("java.example", 22, { reason: NO_TOKEN });
    assert.deepEqual(hostsWith([first, allowed], "denied"), []);
    assert.deepEqual(hostsWith([first, first], "denied"), [`java.example:443 (${NO_TOKEN})`], "control");
    assert.deepEqual(hostsWith([first, allowed, other], "denied"), [`java.example:22 (${NO_TOKEN})`]);
    const refused = row("java.example", 443);
    assert.deepEqual(hostsWith([refused, allowed], "denied"), [`java.example:443 (${NOT_ALLOWED})`]);
  });
});

describe("a group of hosts", () => {
  it("is each of its hosts with TLS's port, and says in each rule where it is from", () => {
    for (const [name, { hosts }] of Object.entries(HOST_GROUPS)) {
      const { policy } = parsePolicy([name]);
      assert.deepEqual(
        policy?.rules.map(({ pattern }) => pattern),
        hosts,
        name,
      );
      for (const rule of policy?.rules ?? []) assert.deepEqual([rule.port, rule.source], [443, name]);
    }
  });

  it("stands beside hosts, with commas or repeated, each rule once", () => {
    const { policy } = parsePolicy(["npm, example.com", "*.x.example:8443", "npm,registry.npmjs.org:443"]);
    assert.deepEqual(policy?.rules, [
      { pattern: "registry.npmjs.org:443", host: "registry.npmjs.org", port: 443, source: "npm" },
      { pattern: "example.com", host: "example.com", source: "example.com" },
      { pattern: "*.x.example:8443", host: "*.x.example", port: 8443, source: "*.x.example:8443" },
    ]);
    assert.ok(policy && ruleFor(policy, "a.x.example", 8443));
    for (const [host, port] of [
      ["a.x.example", 443],
      ["x.example", 8443],
      ["registry.npmjs.org", 80],
      ["evil-example.com", 443],
    ] as const) {
      assert.equal(policy && ruleFor(policy, host, port), undefined, host);
    }
  });

  it("is no name that an object has by itself", () => {
    for (const name of ["constructor", "toString", "__proto__"])
      assert.equal(parsePolicy([name]).problems.length, 1, name);
  });
});
