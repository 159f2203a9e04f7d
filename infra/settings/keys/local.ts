import { z } from "zod";
import { BASE_IMAGES } from "../../../images/base/types.ts";
import { parseHostService } from "../../local/network/host-access.ts";
import { inGroup, wholeNumber } from "../documented.ts";

/** The keys of the local target. */

/** One service that the local machine may reach; the message says what is wrong with it. */
const hostService = z.string().superRefine((entry, context) => {
  const service = parseHostService(entry);
  if (typeof service === "string") context.addIssue({ code: "custom", message: service });
});

/** What is wrong with the name of a folder, or nothing. */
function folderProblem(name: string): string | undefined {
  // Nothing but a shell takes `~` for the home folder: here it would be a folder of that name.
  if (/^~/.test(name)) return "must not begin with ~: write the home folder's whole path";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no name of a file has them.
  if (/[\u0000-\u001f\u007f]/.test(name)) return "must have no control characters";
  return name !== "" && name.trim() === "" ? "must not be blank" : undefined;
}

const folder = z.string().superRefine((name, context) => {
  const message = folderProblem(name);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const local = inGroup("Local target");

export const localKeys = {
  baseImage: local(z.enum(BASE_IMAGES).default("auto"), {
    description:
      "Operating system's disk image. `auto`: Ubuntu 22.04's cloud image, or Debian 13's stand-in where Ubuntu's host cannot be reached. The stand-ins of Debian 11 and 12 are for tests of this project.",
    change: { local: "new machine" },
    example: "ubuntu-22.04",
  }),
  accelerator: local(z.enum(["auto", "kvm", "hvf", "tcg"]).default("auto"), {
    description:
      "What runs the machine's CPUs. `auto`: KVM or HVF when a probe shows that it works, else TCG (emulation).",
    change: { local: "restart" },
    example: "kvm",
  }),
  boot: local(z.enum(["uefi", "direct-kernel"]).default("uefi"), {
    description:
      "`uefi`: through the disk's own EFI partition, as the reference does. `direct-kernel`: a speed-up for tests that skips firmware and boot loader (stand-in image only); verification then reports row O4 as different.",
    change: { local: "restart" },
    example: "direct-kernel",
  }),
  sshPort: local(wholeNumber(0, 65_535).default(0), {
    description:
      "Loopback port of this computer that leads to the machine's ssh. 0: a free port, chosen when the machine is made.",
    change: { local: "restart" },
    example: 2222,
  }),
  hostAccess: local(z.array(hostService).default([]), {
    description:
      "TCP services of this computer and of its networks that the machine may reach, as `ADDRESS:PORT`; it reaches no others. `localhost:PORT` is this computer's loopback, which the machine dials at 10.0.2.2. Sessions reach none of them.",
    change: { local: "restart" },
    example: ["localhost:8080"],
  }),
  stateDirectory: local(folder.default(""), {
    description:
      "Folder for disks, keys and logs of the machine. Empty: `.cloister/<stack>` in the project folder. One that is there already must be yours: `sudo install -d -m 700 -o $USER /var/lib/cloister` makes one where only root may. One that others could write in must be empty, or have nothing in it but your own.",
    change: {
      local: "new disk",
      note: "The machine is made anew in the new folder. The old session disk stays in the old one, and nothing deletes it.",
    },
    example: "/var/lib/cloister",
  }),
} as const;
