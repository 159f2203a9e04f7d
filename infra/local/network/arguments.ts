import { LAYOUT, SSH } from "./layout.ts";

/** Features of QEMU that the machine's network needs, by the options that list them. */
export const NEEDED_OF_QEMU = [
  { option: "-netdev", name: "user", what: "QEMU's user network (libslirp)" },
  { option: "-object", name: "filter-redirector", what: "QEMU's filter-redirector" },
] as const;

/** Descriptors of QEMU: what the machine sends goes to the filter by the first, and comes back by the second. */
export const TO_FILTER = 3;
export const FROM_FILTER = 4;

/**
 * QEMU's options for the machine's network (qemu-system(1)): its user network. Every frame that the machine sends is
 * taken out on its way and goes on only when the filter gives it back. Without a filter there, nothing leaves the machine.
 */
export function networkArguments(sshPort: number): string[] {
  return [
    userNetwork(sshPort),
    ["-chardev", `socket,id=to-filter,fd=${TO_FILTER}`],
    ["-chardev", `socket,id=from-filter,fd=${FROM_FILTER}`],
    // "rx": what the user network receives.
    ["-object", "filter-redirector,id=filter,netdev=net,queue=rx,outdev=to-filter,indev=from-filter"],
  ].flat();
}

/** The user network alone, with one loopback port of this computer that leads to the machine's ssh. */
export function userNetwork(sshPort: number): string[] {
  const { ipv4, ipv6 } = LAYOUT;
  const user = [
    "user,id=net",
    `net=${ipv4.network},host=${ipv4.host},dns=${ipv4.dns},dhcpstart=${ipv4.machine}`,
    `ipv6-net=${ipv6.network},ipv6-host=${ipv6.host},ipv6-dns=${ipv6.dns}`,
    `hostfwd=tcp:127.0.0.1:${sshPort}-:${SSH}`,
  ];
  return ["-netdev", user.join(",")];
}

/** The machine's network in words, for the stack's outputs. */
export function networkInWords(services: readonly string[]): string {
  const but = services.length === 0 ? "" : ` but ${services.join(", ")}`;
  return (
    `QEMU's user network behind a packet filter on this computer: public addresses and DNS are reached, nothing of this ` +
    `computer or of its networks${but}. It cannot know networks with public addresses that this computer only routes to, ` +
    `nor keep the machine from what your network shows to the internet, such as your router's public address.`
  );
}
