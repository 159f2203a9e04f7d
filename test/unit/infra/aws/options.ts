/* biome-ignore-all lint/suspicious/noExplicitAny: inputs of any resource */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { type Registered, recordResources, settled } from "./mocks.ts";

/** The resources that a program registered, with a way to look at them. */
export class Made {
  readonly all: readonly Registered[];

  constructor(all: readonly Registered[]) {
    this.all = all;
  }

  /** The inputs of all resources whose type ends so (such as `Vpc`), in the order of their names. */
  of(type: string): Readonly<Record<string, any>>[] {
    return this.#sorted(type).map(({ inputs }) => inputs);
  }

  /** The inputs of the one resource of a type. */
  one(type: string): Readonly<Record<string, any>> {
    const found = this.of(type);
    assert.equal(found.length, 1, `resources of type ${type}`);
    return found[0] ?? {};
  }

  /** The names of all resources of a type. */
  names(type: string): string[] {
    return this.#sorted(type).map(({ name }) => name);
  }

  #sorted(type: string): Registered[] {
    const found = this.all.filter((one) => one.type.endsWith(`:${type}`));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** Runs a program under mocks, until all that it registers is known. */
export async function make(program: () => unknown, preview = false): Promise<Made> {
  const all = recordResources(preview);
  program();
  await settled(all);
  return new Made(all);
}

/** How one option is seen: what `sees` gives without the change, and with it. */
export interface Row<Args> {
  readonly change: Partial<Args>;
  readonly sees: (made: Made) => unknown;
  readonly before: unknown;
  readonly after: unknown;
}

/**
 * One test for each option. A row is seen once without its change and once with it, and the two must differ: a test of an
 * option that is ignored fails. Types see to it that no option is without a row: write `satisfies Rows<...>`.
 */
export function describeOptions<Args>(
  base: Args,
  program: (args: Args) => unknown,
  rows: Readonly<Record<string, Row<Args>>>,
  run: (args: Args) => Promise<Made> = (args) => make(() => program(args)),
): void {
  let plain: Made;
  before(async () => {
    plain = await run(base);
  });
  for (const [option, { change, sees, before: without, after: withIt }] of Object.entries(rows)) {
    it(`takes ${option}`, async () => {
      assert.notDeepEqual(without, withIt, "a row that could not fail");
      assert.deepEqual(sees(plain), without, "without the change");
      assert.deepEqual(sees(await run({ ...base, ...change })), withIt, "with the change");
    });
  }
}

/** A row for each option, and for the parts of those that have some. */
export type Rows<Args, Parts extends string = never> = Readonly<Record<(keyof Args & string) | Parts, Row<Args>>>;

/** Contents of user data: cloud-init's document and the file that describes the machine. */
export function userData(base64: string): { document: Record<string, any>; machine: Record<string, any> } {
  const document = parse(gunzipSync(Buffer.from(base64, "base64")).toString()) as Record<string, any>;
  const file = (document["write_files"] as { path: string; content: string }[]).find(({ path }) =>
    path.endsWith("machine.json"),
  );
  return { document, machine: JSON.parse(file?.content ?? "") };
}
