import { Command, Option } from "commander";
import { type Arch, ensureRuntimeImage } from "./index.ts";

const options = new Command("npm run image:runtime --")
  .description("Finds or makes the runtime image: what runs on a machine, as one read-only squashfs.")
  .addOption(
    new Option("--arch <arch>", "architecture of the machine")
      .choices(["amd64", "arm64"])
      .default(process.arch === "arm64" ? "arm64" : "amd64"),
  )
  .option("--json", "print path, digest and size as JSON")
  .parse()
  .opts<{ arch: Arch; json?: boolean }>();

try {
  const image = await ensureRuntimeImage({ arch: options.arch, report: (line) => console.error(line) });
  if (options.json) console.log(JSON.stringify(image));
  else console.log(`${image.path}\nsha256:${image.digest}\n${image.size} bytes`);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
