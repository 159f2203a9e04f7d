import type { Code } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { visit } from "unist-util-visit";

/** One step of a tutorial: commands, and the lines that the page shows of their output. */
export interface TutorialStep {
  readonly commands: string;
  readonly shown: readonly string[];
}

/** Reads a page: a block `sh` is a step, a block `text` after it is what it shows. @throws when a `text` has no step */
export function readTutorial(page: string): TutorialStep[] {
  const steps: { commands: string; shown: string[] }[] = [];
  visit(fromMarkdown(page), "code", ({ lang, value }: Code) => {
    if (lang === "sh") steps.push({ commands: value, shown: [] });
    else if (lang === "text") {
      const last = steps.at(-1);
      if (last === undefined) throw new Error("the page shows output before the first command");
      last.shown.push(...value.split("\n"));
    } else throw new Error(`a block of the tutorial is ${lang ?? "of no kind"}: write sh or text`);
  });
  return steps;
}

/** The shown lines that an output does not have. `…` stands for anything within a line. */
export function unmet(shown: readonly string[], output: string): string[] {
  const lines = output.split("\n").map((line) => line.trimEnd());
  return shown.filter((line) => {
    const parts = line.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pattern = new RegExp(`^${parts.join(".*")}$`);
    return !lines.some((one) => pattern.test(one));
  });
}
