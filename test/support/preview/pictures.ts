/**
 * Writes the pictures of docs/changes.md anew, with the browser of this computer:
 * `node --import tsx test/support/preview/pictures.ts`.
 */
import { mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { page } from "../../../preview/render/page.ts";
import { startBrowser } from "../../../tools/test/browser.ts";
import { documentOf } from "./documents.ts";

/** Each picture, and the recorded preview that it shows. */
const PICTURES = { "rename-lost": "rename-delete-data", "rename-kept": "rename-with-was" } as const;
/** Pixels. */
const HEIGHT = 1120;

const folder = new URL("../../../docs/pictures/", import.meta.url);
mkdirSync(folder, { recursive: true });
const browser = await startBrowser();
try {
  for (const [name, recorded] of Object.entries(PICTURES)) {
    const tab = await browser.newPage({ viewport: { width: 900, height: HEIGHT }, colorScheme: "light" });
    await tab.setContent(page(documentOf(recorded)));
    const path = fileURLToPath(new URL(`${name}.png`, folder));
    await tab.screenshot({ path });
    console.log(`${path}: ${statSync(path).size} bytes`);
    await tab.close();
  }
} finally {
  await browser.close();
}
