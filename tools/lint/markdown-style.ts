/** Holds the form of documents: text for people wraps at 100 characters. Generated documents are left alone. */
import { isAbsolute, join, relative } from "node:path";
import type { Configuration } from "markdownlint";
import { lint } from "markdownlint/promise";
import { PROJECT } from "./imports.ts";

/** A table's row and a line of code cannot wrap; nor can a line that is one word, such as a link. */
const RULES: Configuration = {
  default: false,
  MD013: { line_length: 100, tables: false, code_blocks: false, headings: false },
};

/**
 * Returns the problems of these documents, as `FILE:LINE: problem`.
 *
 * @param texts texts of documents by their names, instead of files
 */
export async function styleProblems(files: readonly string[], texts: Record<string, string> = {}): Promise<string[]> {
  const found = await lint({ files: files.map((file) => join(PROJECT, file)), strings: texts, config: RULES });
  return Object.entries(found).flatMap(([file, problems]) =>
    problems.map(
      ({ lineNumber, ruleDescription, errorDetail }) =>
        `${isAbsolute(file) ? relative(PROJECT, file) : file}:${lineNumber}: ${ruleDescription}${errorDetail ? ` (${errorDetail})` : ""}`,
    ),
  );
}
