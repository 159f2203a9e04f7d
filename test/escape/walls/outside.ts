import { type Batch, batchWall } from "../batch.ts";
import type { Wall } from "../check.ts";

const batch: Batch = {
  name: "outside",
  keeps: "A process with a session's user id outside its seal (an escape that succeeded) can do nothing.",
  checks: [
    {
      id: "audit-rows",
      source: "13",
      what: "It writes rows into the journal that look like the proxy's: no reader that checks the journal's own fields takes them.",
    },
    {
      id: "journal",
      source: "13",
      what: "It speaks to the journal's sockets: connects, sends datagrams, by logger, systemd-cat and by hand.",
    },
    { id: "resolved", source: "13", what: "It asks systemd-resolved, by its sockets, by D-Bus and at 127.0.0.53." },
    { id: "dbus", source: "13", what: "It speaks to D-Bus, to systemd's private sockets, and asks for units." },
    {
      id: "namespaces",
      source: "13",
      what: "It makes user namespaces, by unshare and clone, and with them mounts and networks.",
    },
    {
      id: "network",
      source: "12",
      what: "It sends packets: TCP, UDP, IPv6, to the machine, its networks, the metadata service and the world.",
    },
    {
      id: "files",
      source: "13",
      what: "It reads other sessions' homes, sockets and folders, keys, logs and the operator's files.",
    },
    {
      id: "processes",
      source: "13",
      what: "It signals, traces and reads the supervisor, the proxies and other sessions' processes.",
    },
    {
      id: "sockets",
      source: "13",
      what: "It connects to the proxies' sockets of another session, and to every UNIX socket of the machine that it can reach.",
    },
    {
      id: "setuid",
      source: "13",
      what: "It runs su, sudo, newgrp, pkexec, crontab, at and mount as the machine has them.",
    },
  ],
};

/** A session's user id outside the seal. */
export const outside: Wall = batchWall(batch);
