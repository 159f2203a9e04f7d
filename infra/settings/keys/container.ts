import { z } from "zod";
import { documented, inGroup } from "../documented.ts";

/** The keys of the container target. */

const container = inGroup("Container target");
const ANEW = { container: "new machine", note: "The machine is the container: sessions in it end." } as const;

export const containerKeys = {
  engine: container(z.enum(["auto", "podman", "docker"]).default("auto"), {
    description: "Container engine of this computer. `auto`: podman, or else docker, whichever answers.",
    change: ANEW,
    example: "docker",
  }),
  containerBase: container(
    z
      .string()
      .regex(/^[a-zA-Z0-9][\w./:@-]*$|^$/, "must be an image's name")
      .default(""),
    {
      description:
        "Base of the container's image: any Debian or Ubuntu, or `packages`. Empty: anthropic/claude-code, or packages where that cannot be had.",
      change: ANEW,
      example: "debian:trixie-slim",
    },
  ),
  folders: container(
    z
      .record(
        z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/, "must be 1 to 64 letters, digits, ., _ or -"),
        z.strictObject({
          path: documented(z.string().min(1), {
            description: "Folder of this computer; relative to the project.",
            example: "../site",
          }),
          mode: documented(z.enum(["ro", "rwd"]), {
            description:
              "`ro`: nothing in the container can write it. `rwd`: the mode of a session's own mount decides.",
            example: "ro",
          }),
        }),
      )
      .default({}),
    {
      description: "Folders of this computer that the container has, by name. Sessions mount them as /folders/NAME.",
      change: ANEW,
      example: { site: { path: "../site", mode: "rwd" } },
    },
  ),
} as const;
