/** The part of an output stream that decides how things are shown on it. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Columns of a terminal that does not tell its width, or tells 0. */
const WIDTH = 80;

/** Columns of a terminal; undefined for a pipe or a file, which gets fields with tabs between them, and no wrapping. */
export function widthOf(screen: Screen): number | undefined {
  return screen.isTTY ? screen.columns || WIDTH : undefined;
}

/** A line for a program: fields with tabs between them. A field never holds a tab or the end of a line. */
export function fields(values: readonly string[]): string {
  return values.map((value) => value.replace(/[\t\r\n]+/g, " ")).join("\t");
}
