/** How a document is given out: printed in one format, and written into a folder. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { ChangeDocument } from "./change-set/document.ts";

const FORMATS = ["terminal", "markdown", "html", "json"] as const;

export interface OutputOptions {
  readonly format: (typeof FORMATS)[number];
  readonly out?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly html?: boolean;
}

/** Adds the options of {@link OutputOptions} to a command. */
export function withOutput(command: Command): Command {
  return command
    .addOption(
      new Option("--format <format>", "what is printed")
        .choices(FORMATS)
        .default(process.stdout.isTTY ? "terminal" : "markdown"),
    )
    .addOption(new Option("--json", "the same as --format json").conflicts(["markdown", "html"]))
    .addOption(new Option("--markdown", "the same as --format markdown").conflicts("html"))
    .option("--html", "the same as --format html")
    .option("--out <folder>", "writes change.json, comment.md and page.html as well");
}

/** The modules that write a document. Asked for while the engine runs, they are loaded before they are needed. */
export const renderers = async () =>
  await Promise.all([import("./render/markdown.ts"), import("./render/page.ts"), import("./render/terminal.ts")]);

/** Prints a document, and writes it where it is asked for. */
export async function give(document: ChangeDocument, options: OutputOptions): Promise<void> {
  const [{ comment }, { page }, { terminal }] = await renderers();
  const made = {
    terminal: () => terminal(document, { width: process.stdout.columns ?? 100, colour: process.stdout.isTTY === true }),
    markdown: () => comment(document).text,
    html: () => page(document),
    json: () => `${JSON.stringify(document, undefined, 2)}\n`,
  };
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    await writeFile(join(options.out, "change.json"), made.json());
    await writeFile(join(options.out, "comment.md"), made.markdown());
    await writeFile(join(options.out, "page.html"), made.html());
  }
  const format = (["json", "markdown", "html"] as const).find((one) => options[one] === true) ?? options.format;
  process.stdout.write(made[format]());
}
