import assert from "node:assert/strict";
import { styleProblems } from "../../../../tools/lint/markdown-style.ts";

describe("the form of documents", () => {
  const problems = async (text: string) => await styleProblems([], { "page.md": text });

  it("text wraps at 100 characters", async () => {
    const line = (words: number) => `${"word ".repeat(words - 1)}word\n`;
    assert.deepEqual(await problems(line(20)), []);
    assert.deepEqual(await problems(`\n${line(22)}`), ["page.md:2: Line length (Expected: 100; Actual: 109)"]);
  });

  it("tables, code and single words may be longer", async () => {
    const long = "x".repeat(120);
    assert.deepEqual(await problems(`| a |\n|---|\n| ${long} b |\n\n\`\`\`sh\n${long} b\n\`\`\`\n\n${long}\n`), []);
  });
});
