import { Command, Option } from "commander";
import { type Arch, type BaseImageChoice, ensureBaseImage, explainBaseImage } from "./index.ts";
import { BASE_IMAGES } from "./types.ts";

const options = new Command("npm run image:base --")
  .description("Finds or makes the disk image of the operating system that machines start from.")
  .addOption(
    new Option("--arch <arch>", "architecture of the machine")
      .choices(["amd64", "arm64"])
      .default(process.arch === "arm64" ? "arm64" : "amd64"),
  )
  .addOption(new Option("--choice <image>", "which image").choices(BASE_IMAGES).default("auto"))
  .option("--json", "print path, digest, name and reason as JSON")
  .option("--explain", "only say what would be done, and why")
  .parse()
  .opts<{ arch: Arch; choice: BaseImageChoice; json?: boolean; explain?: boolean }>();

try {
  const { arch, choice } = options;
  if (options.explain) {
    const lines = await explainBaseImage({ arch, choice });
    console.log(options.json ? JSON.stringify(lines) : lines.join("\n"));
  } else {
    const image = await ensureBaseImage({ arch, choice, report: (line) => console.error(line) });
    console.log(options.json ? JSON.stringify(image) : `${image.path}\nsha256:${image.digest}\n${image.why}`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
