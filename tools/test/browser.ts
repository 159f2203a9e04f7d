import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"];
const MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/** A Chromium of this computer: `CLOISTER_BROWSER`, or on PATH; undefined where there is none. None is downloaded. */
export async function findBrowser(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const own = env["CLOISTER_BROWSER"];
  const folders = (env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const places = own ? [own] : [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), MAC];
  for (const place of places)
    if (
      await access(place, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return place;
  return undefined;
}

/** Starts it without a window. Root may have no sandbox of Chromium's: pages of tests are our own. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = await findBrowser();
  if (executablePath === undefined) throw new Error("there is no Chromium: install it, or set CLOISTER_BROWSER");
  return await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });
}
