import pico from "picocolors";

/** The part of an output stream that decides how things are shown on it. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** The functions that colour a text, or leave it as it is. */
export type Colours = Pick<ReturnType<typeof pico.createColors>, "bold" | "dim" | "green" | "red" | "yellow">;

/** Columns of a terminal that does not tell its width. */
const WIDTH = 80;

/**
 * Colours for a stream, by the rules of `gh` and of https://no-color.org: none on a pipe, with `NO_COLOR` or on a
 * terminal without them (`TERM=dumb`). `FORCE_COLOR` asks for them everywhere.
 */
export function coloursFor(screen: Screen, env: NodeJS.ProcessEnv = process.env): Colours {
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return pico.createColors(forced !== "0" && forced !== "false");
  return pico.createColors(Boolean(screen.isTTY) && !env["NO_COLOR"] && env["TERM"] !== "dumb");
}

/** Columns of a terminal; undefined for a pipe or a file, which gets fields with tabs between them, and no wrapping. */
export function widthOf(screen: Screen): number | undefined {
  return screen.isTTY ? (screen.columns ?? WIDTH) : undefined;
}

/** A line for a program: fields with tabs between them. A field never holds a tab or the end of a line. */
export function fields(values: readonly string[]): string {
  return values.map((value) => value.replace(/[\t\r\n]+/g, " ")).join("\t");
}
