import type { Command } from "commander";
import { RunRefused } from "../sessions/request.ts";
import type { AgentTask } from "./settings.ts";

/** The options that `cloister agent` has in addition to those of a sealed run. */
export interface AgentOptions {
  readonly continue?: boolean;
}

const EXAMPLES = `
Examples:
  cloister agent "Say what this machine is."
  cloister agent --mount /sessions/folders/site:site:rw --cwd mnt/site "Mend the failing test."
  git diff | cloister agent "Review this change." -- --output-format json
  cloister agent --name work "Begin."                         # then: cloister agent --name work --continue "Go on."
  cloister agent --name work                                  # on a terminal: talk to it

Flags of Claude Code stand after --, in any order. Model, tools and MCP servers are the machine's; --tools adds to the
tools, --disallowedTools takes some away, --model is another one.`;

/**
 * Adds the options that `cloister agent` has in addition to those of a sealed run. The operator's command and the
 * machine's have the same.
 */
export function addAgentOptions(command: Command): Command {
  return command
    .argument("[prompt]", "the task, as one word (default: standard input, or a terminal to talk on)")
    .argument("[flags...]", "Claude Code's own flags, after --")
    .option("-c, --continue", "goes on with the last conversation in the session's working directory; needs --name")
    .addHelpText("after", EXAMPLES);
}

/**
 * Reads the words of `cloister agent`.
 *
 * @param words the arguments that are no options, in their order
 * @param rawArgs the whole command line: the words after its first `--` are Claude Code's flags
 * @throws {RunRefused} when the prompt is empty or more than a word, or there is nothing to go on with
 */
export function parseAgent(
  words: readonly string[],
  rawArgs: readonly string[],
  options: AgentOptions & { readonly name?: string },
  isTerminal: boolean,
): AgentTask {
  const at = rawArgs.indexOf("--");
  const flags = at < 0 ? [] : rawArgs.slice(at + 1);
  const [prompt, ...more] = words.slice(0, words.length - flags.length);
  const wrong = (message: string) =>
    new RunRefused([{ code: "CLOISTER_E_PROMPT", subject: "prompt", message: `the prompt ${message}` }]);
  if (more.length > 0) throw wrong("must be one word: put it in quotes; flags of Claude Code stand after --");
  if (prompt?.trim() === "") throw wrong("is empty");
  if (options.continue && options.name === undefined) throw wrong("has nothing to go on with: --continue needs --name");
  return {
    ...(prompt === undefined ? {} : { prompt }),
    interactive: prompt === undefined && isTerminal && !flags.some((flag) => flag === "-p" || flag === "--print"),
    ...(options.continue ? { continue: true } : {}),
    flags,
  };
}
