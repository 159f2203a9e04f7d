/** Width of generated text for people. */
const WIDTH = 100;

/** Breaks text into lines. Code between backticks is not broken. Lines after the first begin with `indent`. */
export function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = "";
  // A word is what has no blank outside of backticks.
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
