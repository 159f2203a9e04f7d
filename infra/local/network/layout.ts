/**
 * The machine's own small network, as QEMU's user network makes it (libslirp's usual numbers). Nobody but the machine and its
 * back end is in it: whatever is sent to another address of it would end at the loopback of this computer.
 */
export const LAYOUT = {
  ipv4: { network: "10.0.2.0/24", machine: "10.0.2.15", host: "10.0.2.2", dns: "10.0.2.3" },
  ipv6: { network: "fec0::/64", host: "fec0::2", dns: "fec0::3" },
} as const;

/** The machine's port to which the one loopback port of this computer leads. */
export const SSH = 22;
