import pico from "picocolors";
import type { Screen } from "../guest/lib/columns.ts";

export { fields, type Screen, widthOf } from "../guest/lib/columns.ts";

/** The functions that colour a text, or leave it as it is. */
export type Colours = Pick<ReturnType<typeof pico.createColors>, "bold" | "dim" | "green" | "red" | "yellow">;

/**
 * Colours for a stream, by the rules of `gh` and of https://no-color.org: none on a pipe, with `NO_COLOR`, with
 * `CLICOLOR=0` or on a terminal without them (`TERM=dumb`). `CLICOLOR_FORCE` and `FORCE_COLOR` ask for them everywhere.
 */
export function coloursFor(screen: Screen, env: NodeJS.ProcessEnv = process.env): Colours {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return pico.createColors(forced !== "0" && forced !== "false");
  if (!["", "0"].includes(env["CLICOLOR_FORCE"] ?? "")) return pico.createColors(true);
  const unwanted = env["NO_COLOR"] || env["CLICOLOR"] === "0" || env["TERM"] === "dumb";
  return pico.createColors(Boolean(screen.isTTY) && !unwanted);
}
