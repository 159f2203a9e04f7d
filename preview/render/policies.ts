import type { PhrasingContent } from "mdast";
import type { ChangeDocument, PolicyResult } from "../change-set/document.ts";
import type { Level } from "./changes.ts";
import { type Block, code, counted, details, names, paragraph, plural, say, strong, table, words } from "./tree.ts";

/** `24 passed, 1 failed, 3 not decided`; undefined when no pack judged. */
export function policyCell({ policies: { packs, results } }: ChangeDocument): string | undefined {
  if (packs.length === 0) return undefined;
  const count = (state: PolicyResult["state"]): number => results.filter((one) => one.state === state).length;
  const [failed, open] = [count("failed"), count("not-decided")];
  return [
    `${count("passed")} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(open > 0 ? [`${open} not decided`] : []),
  ].join(", ");
}

/** What the policies said: failed, not decided, passed, and exceptions with their dates. */
export function policyBlocks({ policies }: ChangeDocument, level: Level): Block[] {
  const { packs, results, exceptions, wholeStack } = policies;
  if (packs.length === 0 && results.length === 0 && exceptions.length === 0) return [];
  const most = [60, 40, 20, 10, 5][level] ?? 5;
  const of = (state: PolicyResult["state"]): PolicyResult[] => results.filter((one) => one.state === state);
  const [failed, open, passed] = [of("failed"), of("not-decided"), of("passed")];
  return [
    ...failures(failed, most, level),
    ...exceptionTable(exceptions, most),
    ...undecided(open, most, wholeStack, level),
    ...(level < 2 && passed.length > 0
      ? [
          details(
            `Policies that passed: ${passed.length}`,
            paragraph(
              ...names(
                passed.map(({ policy }) => policy),
                100,
              ),
            ),
          ),
        ]
      : []),
  ];
}

/** Names in a cell of the table, by the level of detail. */
const ROOM = [24, 12, 6, 6, 3];
/** Names of one row in the folded part, and its rows. */
const FOLDED = { names: 200, rows: 40 };

function failures(failed: readonly PolicyResult[], most: number, detail: Level): Block[] {
  if (failed.length === 0) return [];
  const room = ROOM[detail] ?? 3;
  const rows = failed.flatMap(({ policy, level, severity, findings }) =>
    alike(findings).map(({ on, message }): PhrasingContent[][] => [
      [code(policy, 80)],
      [words([level, severity === "" ? "" : `${severity} severity`].filter(Boolean).join(", "))],
      on.every((one) => one === "") ? [say("the stack")] : counted(on, room, 60),
      [code(message, 400)],
    ]),
  );
  const forbids = failed.filter(({ level }) => level === "mandatory").length;
  const head =
    forbids > 0
      ? `${plural(forbids, "policy forbids", "policies forbid")} this`
      : plural(failed.length, "policy warns", "policies warn");
  return [
    paragraph(strong(say(head))),
    table(["policy", "level", "on", "says"], shortened(rows, most, 4)),
    ...(detail < 3 ? theRest(failed, room) : []),
  ];
}

/** The resources for which the table has no room. */
function theRest(failed: readonly PolicyResult[], room: number): Block[] {
  const rows = failed.flatMap(({ policy, findings }) =>
    alike(findings).flatMap(({ on, message }): PhrasingContent[][][] => {
      const shown = new Set([...new Set(on)].slice(0, room));
      const rest = on.filter((one) => !shown.has(one));
      return rest.length === 0 ? [] : [[[code(policy, 80)], counted(rest, FOLDED.names, 60), [code(message, 80)]]];
    }),
  );
  if (rows.length === 0) return [];
  return [
    details("More resources of these policies", table(["policy", "on", "says"], shortened(rows, FOLDED.rows, 3))),
  ];
}

/** Findings that differ in nothing but the name: of a hundred machines nobody reads the same sentence a hundred times. */
function alike(findings: PolicyResult["findings"]): { readonly on: readonly string[]; readonly message: string }[] {
  const groups = new Map<string, PolicyResult["findings"]>();
  for (const one of findings) {
    const key = one.on === "" ? one.message : one.message.replace(`${one.on}: `, "");
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups].map(([shared, all]) => ({
    on: all.map(({ on }) => on),
    message: all.length === 1 ? (all[0]?.message ?? shared) : shared,
  }));
}

function exceptionTable(exceptions: ChangeDocument["policies"]["exceptions"], most: number): Block[] {
  if (exceptions.length === 0) return [];
  const rows = exceptions.map(({ policy, on, reason, by, since, until, state }): PhrasingContent[][] => [
    [code(policy, 80)],
    on === "*" ? [say("all")] : [code(on, 60)],
    [
      state === "expired"
        ? strong(say(`expired on ${date(until)}`))
        : say(state === "not yet" ? `from ${date(since)}` : `until ${date(until)}`),
    ],
    [code(reason, 200)],
    [code(by, 60)],
  ]);
  return [
    paragraph(strong(say("Exceptions from policies"))),
    table(["policy", "for", "holds", "because", "by"], shortened(rows, most, 5)),
  ];
}

/** A date of the document, which another job may have written. */
const date = (text: string): string => (/^\d{4}-\d{2}-\d{2}$/.test(text) ? text : "an unknown day");

function undecided(open: readonly PolicyResult[], most: number, wholeStack: boolean, detail: Level): Block[] {
  const room = ROOM[detail] ?? 3;
  const rows = open.map(({ policy, level, undecided: of }): PhrasingContent[][] => [
    [code(policy, 80)],
    [words(level)],
    // A resource may lack several values: it is one all the same.
    names([...new Set(of.map(({ on }) => on || "the stack"))], room, 60),
    names([...new Set(of.map(({ path }) => path))], room, 60),
  ]);
  const missing = wholeStack
    ? []
    : [paragraph(say("Rules about the whole stack were not asked, because something failed before."))];
  if (rows.length === 0) return missing;
  return [
    paragraph(
      strong(say(`${plural(open.length, "policy", "policies")} not decided yet`)),
      say(": "),
      ...names(
        open.map(({ policy }) => policy),
        6,
        60,
      ),
      say(". The deploy's own preview decides, and stops at what is mandatory."),
    ),
    details(
      `Policies not decided: ${open.length}`,
      paragraph(say("They need what only the deploy knows. The deploy asks again, and stops at what is mandatory.")),
      table(["policy", "level", "on", "needs"], shortened(rows, most, 4)),
    ),
    ...missing,
  ];
}

function shortened(rows: PhrasingContent[][][], most: number, columns: number): PhrasingContent[][][] {
  if (rows.length <= most) return rows;
  const empty = Array.from({ length: columns - 1 }, () => [say("")]);
  return [...rows.slice(0, most), [[say(`and ${rows.length - most} more`)], ...empty]];
}
