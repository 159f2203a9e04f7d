import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { page as render } from "../../preview/render/page.ts";
import { verdictText } from "../../preview/render/verdict.ts";
import { startBrowser } from "../../tools/test/browser.ts";
import { documentOf } from "../support/preview/documents.ts";
import { RECORDED } from "../support/preview/golden.ts";

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } } as const;
const SCHEMES = ["light", "dark"] as const;

/** What a reader sees. */
interface Seen {
  readonly width: number;
  readonly first: string;
  readonly top: number;
  readonly scripts: number;
  readonly pictures: number;
  readonly cut: number;
  readonly colours: string;
}

/** Runs in the page, as text: its names are the browser's. What is folded is opened first. */
const LOOK = `(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const one of all("details")) one.setAttribute("open", "");
  const first = document.querySelector("main").firstElementChild;
  const pictures = all(".pictures svg");
  const leaves = (svg) => {
    const { left, right } = svg.getBoundingClientRect();
    return [...svg.querySelectorAll("text")].some((text) => {
      const box = text.getBoundingClientRect();
      return box.right > right + 1 || box.left < left - 1;
    });
  };
  const { color, backgroundColor } = getComputedStyle(document.body);
  return {
    width: document.documentElement.scrollWidth,
    first: first.innerText,
    top: first.getBoundingClientRect().top,
    scripts: document.scripts.length + all("[onclick],[onload],[onerror]").length,
    pictures: pictures.map((one) => one.getBoundingClientRect()).filter(({ width, height }) => width > 200 && height > 15).length,
    cut: pictures.filter(leaves).length,
    colours: color + " on " + backgroundColor,
  };
})()`;

describe("pages of previews in a browser", function () {
  this.timeout(120_000);
  let browser: Browser;
  let folder: string;
  before(async () => {
    browser = await startBrowser();
    folder = await mkdtemp(join(tmpdir(), "cloister-pages-"));
  });
  after(async () => {
    await browser?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** All that is wrong with a page, in both schemes and at both widths. */
  async function problemsOf(name: string, html: string, verdict: string, pictures: number): Promise<string[]> {
    const problems: string[] = [];
    const file = join(folder, `${name}.html`);
    await writeFile(file, html);
    const context = await browser.newContext();
    try {
      const tab = await context.newPage();
      const requests: string[] = [];
      context.on("request", (request) => requests.push(request.url()));
      tab.on("console", (message) => problems.push(`console: ${message.text()}`));
      tab.on("pageerror", (error) => problems.push(`error: ${error.message}`));
      await tab.goto(pathToFileURL(file).href);
      const backgrounds = new Set<string>();
      for (const colorScheme of SCHEMES) {
        await tab.emulateMedia({ colorScheme });
        for (const [size, viewport] of Object.entries(SIZES)) {
          await tab.setViewportSize(viewport);
          const seen = await tab.evaluate<Seen>(LOOK);
          const where = `${colorScheme}, ${size}`;
          if (seen.width > viewport.width)
            problems.push(`${where}: scrolls sideways, ${seen.width} of ${viewport.width}`);
          if (seen.first.replace(/\s+/g, " ") !== verdict) problems.push(`${where}: begins with ${seen.first}`);
          if (seen.top < 0 || seen.top > 100) problems.push(`${where}: the first line is at ${seen.top}`);
          if (seen.scripts > 0) problems.push(`${where}: has ${seen.scripts} scripts`);
          if (seen.pictures !== pictures) problems.push(`${where}: ${seen.pictures} pictures, and not ${pictures}`);
          if (seen.cut > 0) problems.push(`${where}: a text leaves its picture`);
          backgrounds.add(seen.colours);
        }
      }
      if (backgrounds.size !== SCHEMES.length)
        problems.push(`light and dark look the same: ${[...backgrounds].join("; ")}`);
      const others = requests.filter((url) => url !== pathToFileURL(file).href);
      if (others.length > 0) problems.push(`loads ${others.join(", ")}`);
    } finally {
      await context.close();
    }
    return problems;
  }

  for (const name of RECORDED) {
    it(name, async () => {
      const document = documentOf(name);
      const verdict = verdictText(document).replace(/^(\S+) (\S+)/, "$1 cloister $2");
      assert.deepEqual(await problemsOf(name, render(document), verdict, document.things.length > 0 ? 2 : 0), []);
    });
  }

  it("finds what is wrong with another page (control)", async () => {
    const html = `<!doctype html><meta charset="utf-8"><main><p>Hello</p><div style="width: 3000px">wide</div>
      <img src="http://127.0.0.1:9/a.png"><script>console.log("x"); throw new Error("y")</script></main>`;
    const problems = (await problemsOf("control", html, "verdict", 2)).join("\n");
    for (const wanted of [
      /console: x/,
      /error: y/,
      /phone: scrolls/,
      /desktop: scrolls/,
      /begins with Hello/,
      /has 1 script/,
      /0 pictures/,
      /look the same/,
      /loads http:\/\/127/,
    ])
      assert.match(problems, wanted);
  });
});
