/**
 * `npm run lint`: every language of the project by its linter, all problems at once. `--only LANGUAGE...` lints some.
 * See docs/testing.md.
 */
import { Command, Option } from "commander";
import { LANGUAGES, type Language, type Result } from "./languages.ts";

const names = Object.keys(LANGUAGES) as Language[];
const { only } = new Command("npm run lint --")
  .description("Lints every language of the project.")
  .addOption(new Option("--only <language...>", "lint these languages only").choices(names).default(names))
  .parse()
  .opts<{ only: Language[] }>();

const results = await Promise.all(
  only.map(async (language) => {
    const started = Date.now();
    const found = await LANGUAGES[language]((line) => console.error(line)).catch((error: Error): Result[] => [
      { linter: "set-up", problems: error.message },
    ]);
    return { language, found, seconds: (Date.now() - started) / 1000 };
  }),
);
for (const { language, found, seconds } of results) {
  const failed = found.filter(({ problems }) => problems !== "");
  for (const { linter, problems } of failed) console.log(`${language}, ${linter}:\n${problems}\n`);
  const linters = [...new Set(found.map(({ linter }) => linter.split(" ")[0]))].join(", ");
  console.log(`${failed.length === 0 ? "ok    " : "FAILED"} ${language} (${linters}) in ${seconds.toFixed(1)} s`);
  if (failed.length > 0) process.exitCode = 1;
}
