/**
 * The scripted agent: decides its next step from the conversation so far. It reads the file that the prompt names,
 * counts its words with a Bash command, writes a report next to it, and says so. It is pure.
 */

/** One turn of the scripted agent: its text, and the one tool that it uses, if any. */
export interface Turn {
  readonly say: string;
  readonly use?: { readonly name: string; readonly input: Readonly<Record<string, unknown>> };
}

/** One message of a conversation, as the Messages API has it. */
export interface ConversationMessage {
  readonly role: string;
  readonly content: unknown;
}

/** The task of the first session: the real model understands it as well as the demo does. */
export function demoTask(file: string): string {
  return (
    `Read the file ${file}, count its words with the Bash tool, and write a short report named ` +
    `${reportName(file)} next to it: the file's first line and the number of words.`
  );
}

/** Name of the report on a file: `notes.txt` gives `notes.report.md`, in the same folder. */
export function reportName(file: string): string {
  return (file.split("/").pop() ?? file).replace(/\.[^.]*$/, "").concat(".report.md");
}

/**
 * The prompt with which the verification asks the scripted model what it was offered. The answer is JSON:
 * `{ model, tools }`.
 */
export const OFFER_PROMPT = "[cloister] Tell the model and the tools of this request.";

/** The model and the tools that a request names. */
export interface Offer {
  readonly model: string;
  readonly tools: readonly string[];
}

/** Decides the next turn from the conversation and what is on offer. */
export function nextTurn(messages: readonly ConversationMessage[], { model, tools }: Offer): Turn {
  if (messages.some(({ content }) => texts(content).some((text) => text.includes(OFFER_PROMPT)))) {
    return { say: JSON.stringify({ model, tools }) };
  }
  const file = fileNamed(messages);
  if (!file || !["Read", "Bash", "Write"].every((tool) => tools.includes(tool))) {
    return { say: "[demo] I am a scripted stand-in for a model and know one task: ask me to read a file by its path." };
  }
  const results = toolResults(messages);
  const failed = results.find((result) => result.isError);
  if (failed) return { say: `[demo] A tool failed, so I stop here: ${failed.text.slice(0, 500)}` };
  // Tools want absolute paths. A relative one is looked up first, as an agent would.
  const lookUp = file.startsWith("/") ? [] : [look(file)];
  const path = file.startsWith("/") ? file : (results[0]?.text.trim().split("\n").pop() ?? file);
  const report = `${path.slice(0, path.lastIndexOf("/") + 1)}${reportName(path)}`;
  const [read, counted] = results.slice(lookUp.length);
  const steps: Turn[] = [
    ...lookUp,
    { say: `[demo] I read ${path}.`, use: { name: "Read", input: { file_path: path } } },
    {
      say: "[demo] I count its words.",
      use: { name: "Bash", input: { command: `wc -w < ${quote(path)}`, description: "Count the words" } },
    },
    {
      say: `[demo] I write the report to ${report}.`,
      use: { name: "Write", input: { file_path: report, content: reportText(path, read?.text, counted?.text) } },
    },
    { say: `[demo] Done: ${path} has ${counted?.text.trim()} words; the report is in ${report}.` },
  ];
  return steps[Math.min(results.length, steps.length - 1)] as Turn;
}

function look(file: string): Turn {
  const command = `realpath -- ${quote(file)}`;
  return {
    say: "[demo] I look where the file is.",
    use: { name: "Bash", input: { command, description: "Find the file" } },
  };
}

function reportText(path: string, read = "", counted = ""): string {
  // The Read tool numbers its lines: "     1→text" or "1\ttext".
  const firstLine = (read.split("\n")[0] ?? "").replace(/^\s*\d+(→|\t)/, "").trim();
  return `# Report on ${path.split("/").pop()}\n\nFirst line: ${firstLine}\nWords: ${counted.trim()}\n`;
}

/** The path that the prompt asks to read: `Read the file PATH`. */
function fileNamed(messages: readonly ConversationMessage[]): string | undefined {
  for (const message of messages) {
    if (message.role !== "user") continue;
    for (const text of texts(message.content)) {
      const found = /\bread the file (\S+?)[,.;]?(?=\s|$)/i.exec(text)?.[1];
      if (found) return found;
    }
  }
  return undefined;
}

function toolResults(messages: readonly ConversationMessage[]): { text: string; isError: boolean }[] {
  return messages.flatMap((message) =>
    blocks(message.content)
      .filter((block) => block["type"] === "tool_result")
      .map((block) => ({
        text: withoutReminders(texts(block["content"]).join("\n")),
        isError: block["is_error"] === true,
      })),
  );
}

/** Removes the remarks of its own that Claude Code appends to a tool's output. */
function withoutReminders(text: string): string {
  return text.replace(/<system-reminder>.*?<\/system-reminder>/gs, "").trim();
}

function texts(content: unknown): string[] {
  if (typeof content === "string") return [content];
  return blocks(content).flatMap((block) => (typeof block["text"] === "string" ? [block["text"]] : []));
}

function blocks(content: unknown): Record<string, unknown>[] {
  return Array.isArray(content) ? content.filter((block) => typeof block === "object" && block !== null) : [];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
