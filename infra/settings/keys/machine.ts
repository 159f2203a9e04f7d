import { z } from "zod";
import { Hostname, PACKAGE } from "../../../contract/machine.ts";
import { DEFAULTS } from "../../../contract/reference.ts";
import { authorityProblem } from "../certificate.ts";
import { inGroup, wholeNumber } from "../documented.ts";

/** The keys that describe a machine, whatever its target. */

/** An authority that nobody has the key of, for the reference. */
export const EXAMPLE_AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBjjCCATWgAwIBAgIUNAfIVsw1drM+nv+IWJnc+OnFv/0wCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRRXhhbXBsZSBhdXRob3JpdHkwIBcNMjYxMTI3MjExNTQ0WhgP
MjEyNjExMDMyMTE1NDRaMBwxGjAYBgNVBAMMEUV4YW1wbGUgYXV0aG9yaXR5MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEP/Nxa8Bam0szbeN9Dulm69CrlXhXo9ex
6yxELH96POy6De1gCTDq5gQjU46pDsEhD8CKVwO/dhHRjI96Jh8fMaNTMFEwHQYD
VR0OBBYEFM/7bVq8vugMPU5u6ZdzDBhSSzlJMB8GA1UdIwQYMBaAFM/7bVq8vugM
PU5u6ZdzDBhSSzlJMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
RkdTIFN5mYwQ63zWuQbzq2hTLK5jAGYSiRYQxhC98K8CIA1COdOQjDoQCmZGUqKb
AKfaI/kTTOUaM2RmLI2eWuMP
-----END CERTIFICATE-----
`;

/** One certificate authority; the message says what is wrong with it. */
const authority = z.string().superRefine((pem, context) => {
  const message = authorityProblem(pem);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const machine = inGroup("Machine");
const ANEW = { local: "new machine", aws: "new machine" } as const;

export const machineKeys = {
  target: machine(z.enum(["local", "aws", "container"]).default("local"), {
    description:
      "Where machines come from. `local`: QEMU on this computer. `aws`: Graviton instances in an account of yours. `container`: one container of this computer's podman or docker, which uses `memoryMiB` and `cpus` of this chapter.",
    change: {
      local: "new disk",
      aws: "new disk",
      note: "All of the old target goes and all of the new one is made. On AWS `onDestroy` decides whether data may go.",
    },
    example: "aws",
  }),
  hostname: machine(Hostname.default(DEFAULTS.hostname), {
    description: "Host name of the machine, and of every sandbox on it.",
    change: ANEW,
    example: "agents",
  }),
  architecture: machine(z.enum(["host", "arm64", "amd64"]).default("host"), {
    description: "Architecture of the machine. `host`: that of this computer. Another one is emulated, which is slow.",
    onAws: "Only `host` and `arm64`, and both mean arm64: machines are Graviton.",
    change: { local: "new machine" },
    example: "arm64",
  }),
  cpus: machine(wholeNumber(1, 64).default(DEFAULTS.cpus), {
    description: "Virtual CPUs of the machine.",
    onAws: "Not used: `instanceType` decides.",
    change: { local: "new machine" },
    example: 2,
  }),
  memoryMiB: machine(wholeNumber(2048, 1_048_576).default(DEFAULTS.memoryMiB), {
    description: "Memory of the machine. 4096 shows as 3.8 GiB inside.",
    unit: "MiB",
    onAws: "`instanceType` decides what the machine has. Only the limit of `sessionMemoryMiB` follows this key.",
    change: {
      local: "new machine",
      note: "Between values from 4915 on it is a restart: what sessions may use stays the same there, unless `sessionMemoryMiB` says so.",
    },
    example: 8192,
  }),
  sessionMemoryMiB: machine(wholeNumber(0, 1_048_576).default(0), {
    description: `Memory that all sessions of a machine may use together. A command that wants more is killed inside its session. 256 to \`memoryMiB\` less 512; 0 stands for \`memoryMiB\` less 1024, at most ${DEFAULTS.sessionMemoryMiB}, which is what the reference machine has.`,
    unit: "MiB",
    onAws: `0 stands for ${DEFAULTS.sessionMemoryMiB}. A machine never gives more than its instance has, less 1024.`,
    change: ANEW,
    example: 3584,
  }),
  rootDiskGiB: machine(wholeNumber(4, 16_384).default(DEFAULTS.rootDiskGiB), {
    description: "Size of the root disk.",
    unit: "GiB",
    onAws: "At least 8, which the image needs.",
    change: ANEW,
    example: 20,
  }),
  sessionDiskGiB: machine(wholeNumber(1, 16_384).default(DEFAULTS.sessionDiskGiB), {
    description:
      "Size of the session disk. It outlives the machine, except in a pool. It can grow and never shrink: less than there is is refused.",
    unit: "GiB",
    onAws: "`machines.NAME.sessionDiskGiB` goes before it.",
    change: {
      local: "restart",
      aws: { machines: "in place", pools: "new machine" },
      note: "The disk grows at once, what is on it with the next start of the machine; on AWS also by hand, without one (docs/aws-reference.md). Below 10 the size is part of what the machine checks of itself: a change there is a new machine, with the same session disk.",
    },
    example: 50,
  }),
  packages: machine(
    z
      .array(
        z.string().regex(PACKAGE, {
          error: "must be a package's name as Debian and Ubuntu have it: lower-case letters, digits and + - . only",
        }),
      )
      .default([]),
    {
      description:
        "Packages of the distribution that machines have beside [those that all have](machine-contents.md). They are installed at first boot from the mirror of packages, which must have signed them. A machine that cannot get them is not ready, and says why.",
      onAws: "From `aptMirror`.",
      change: ANEW,
      example: ["cmake", "postgresql-client"],
    },
  ),
  certificateAuthorities: machine(z.array(authority).default([]), {
    description:
      "Certificate authorities that machines trust beside the public ones, each as PEM: of a private registry, or of a proxy that ends TLS. The system, Node, Python, Java, git and the session's proxy trust them, on the machine and in sessions. They are in user data, which has room for about eight.",
    change: ANEW,
    example: [EXAMPLE_AUTHORITY],
  }),
} as const;
