/** How a document is given out: printed in one format, and written into a folder. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { ChangeDocument } from "./change-set/document.ts";

const FORMATS = ["terminal", "markdown", "html", "json"] as const;

export interface OutputOptions {
  readonly format: Format;
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

type Format = (typeof FORMATS)[number];

/** By format: what loads the module that writes it, and writes it. */
const WRITERS: Readonly<Record<Format, () => Promise<(document: ChangeDocument) => string>>> = {
  async terminal() {
    const { terminal } = await import("./render/terminal.ts");
    const { columns, isTTY } = process.stdout;
    return (document) => terminal(document, { width: columns ?? 100, colour: isTTY === true });
  },
  async markdown() {
    const { comment } = await import("./render/markdown.ts");
    return (document) => comment(document).text;
  },
  async html() {
    const { page } = await import("./render/page.ts");
    return page;
  },
  json: async () => (document) => `${JSON.stringify(document, undefined, 2)}\n`,
};

/** What is written into a folder. */
const FILES: Readonly<Record<string, Format>> = {
  "change.json": "json",
  "comment.md": "markdown",
  "page.html": "html",
};

const printed = (options: OutputOptions): Format =>
  (["json", "markdown", "html"] as const).find((one) => options[one] === true) ?? options.format;

/** Loads what writes a document. Asked for while the engine runs, it is there when it is needed. */
export async function renderers(options: OutputOptions): Promise<void> {
  const files = options.out === undefined ? [] : Object.values(FILES);
  await Promise.all([printed(options), ...files].map((format) => WRITERS[format]()));
}

/** Prints a document, and writes it where it is asked for. */
export async function give(document: ChangeDocument, options: OutputOptions): Promise<void> {
  const made = async (format: Format): Promise<string> => (await WRITERS[format]())(document);
  if (options.out !== undefined) {
    await mkdir(options.out, { recursive: true });
    for (const [file, format] of Object.entries(FILES)) await writeFile(join(options.out, file), await made(format));
  }
  process.stdout.write(await made(printed(options)));
}
