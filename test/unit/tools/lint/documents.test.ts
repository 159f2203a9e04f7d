import assert from "node:assert/strict";
import { type Known, problemsOf, scriptProblems, whatThereIs } from "../../../../tools/lint/documents.ts";

const files: Readonly<Record<string, string>> = {
  "docs/other.md": "# Other\n\n## Two words, `code` & more\n",
  "guest/run/run.ts": "",
  "guest/": "",
};
const known: Known = {
  scripts: new Set(["docs", "test:unit"]),
  keys: new Set(["memoryMiB", "stack"]),
  commands: new Set(["run", "verify"]),
  valued: new Set(["--stack", "-s"]),
  read: (path) => files[path],
  folders: new Set(["docs", "guest"]),
};

/** Problems of a document of one line. */
const said = (line: string): string[] => problemsOf("docs/page.md", `# Page\n\n${line}\n`, known);

describe("the lint of documents", () => {
  const rows: readonly { what: string; right: readonly string[]; wrong: Readonly<Record<string, RegExp>> }[] = [
    {
      what: "a relative link",
      right: [
        "[x](other.md)",
        "[x](../guest/run/run.ts)",
        "[x](https://example.com/none.md)",
        "[x][y]\n\n[y]: other.md",
      ],
      wrong: {
        "[x](none.md)": /the link to none.md leads nowhere/,
        "![x](none.svg)": /leads nowhere/,
        "[x][y]\n\n[y]: none.md": /leads nowhere/,
        "| a |\n|---|\n| [x](none.md) |": /leads nowhere/,
      },
    },
    {
      what: "a heading that is linked to",
      right: ["[x](other.md#two-words-code--more)", "[x](#page)"],
      wrong: { "[x](other.md#three-words)": /has no heading #three-words/, "[x](#none)": /has no heading #none/ },
    },
    {
      what: "an npm script",
      right: ["run `npm run docs`", "`npm run -s test:unit -- --grep x`", "npm run NAME"],
      wrong: { "run `npm run dox`": /npm run dox/, "`npm run -s test:all -- x`": /npm run test:all/ },
    },
    {
      what: "a subcommand of cloister",
      right: [
        "`npx cloister --stack local run -- ls`",
        "`cloister verify`.",
        "```sh\nsudo cloister -s x verify\n```",
        "`cloister COMMAND`",
        "`cloister: ready`",
        "cloister provisions machines",
      ],
      wrong: {
        "`npx cloister --stack local walk -- ls`": /cloister walk/,
        "`cloister -s run walk`": /cloister walk/,
        "```sh\nnpx cloister verfy\n```": /cloister verfy/,
      },
    },
    {
      what: "a key of the configuration",
      right: ["`cloister:memoryMiB`", "`pulumi config set cloister:memoryMiB 8`", "`cloister:aws:Pool`", "cloister: x"],
      wrong: { "`cloister:memory`": /no key cloister:memory/, "set cloister:cpu to 4": /cloister:cpu/ },
    },
    {
      what: "a path in code",
      right: ["`guest/run/run.ts`", "`guest/`", "`lib/none.ts`", "`guest/*.ts`"],
      wrong: { "`guest/none.ts`": /there is no guest\/none.ts/ },
    },
  ];

  for (const { what, right, wrong } of rows) {
    it(`finds ${what} that does not exist, and no other`, () => {
      for (const line of right) assert.deepEqual(said(line), [], line);
      for (const [line, problem] of Object.entries(wrong)) {
        assert.equal(said(line).length, 1, line);
        assert.match(said(line)[0] ?? "", problem);
        assert.match(said(line)[0] ?? "", /^docs\/page\.md:[357]: /);
      }
    });
  }

  it("finds scripts that messages in sources name", () => {
    assert.deepEqual(scriptProblems("a.ts", 'say("run npm run docs");\nsay("run npm run dox");', known), [
      'a.ts:2: there is no script "npm run dox"',
    ]);
  });

  it("knows the project's own scripts, keys and commands", async function () {
    this.timeout(30_000);
    const { scripts, keys, commands, valued, folders } = await whatThereIs();
    assert.ok(scripts.has("lint") && keys.has("memoryMiB") && valued.has("--stack") && folders.has("guest"));
    // One of the operator's command, one of a machine's.
    assert.ok(commands.has("cp") && commands.has("audit"));
  });
});
