/** Puts a resource's properties where CloudFormation has them. */
import { type Properties, unknown, type Value } from "../../../toolchain/standins/command/values.ts";
import { type Mapped, tagPairs } from "./names.ts";

/** Properties by CloudFormation's names, and where each came from. */
export interface Translated {
  readonly value: Record<string, unknown>;
  /** Our path, with indexes, by JSON pointer. */
  readonly origins: ReadonlyMap<string, string>;
}

type Place = readonly string[];

/** The place of a property of ours, below its object's. */
export function placeOf(mapped: Mapped, path: string, parent: Place): Place {
  const key = path.slice(path.lastIndexOf(".") + 1);
  const name = mapped.names?.[path] ?? `${key.charAt(0).toUpperCase()}${key.slice(1)}`;
  if (name.startsWith("/")) return segments(name);
  const place = [...parent];
  for (const part of name.split("/")) {
    if (part === "..") place.pop();
    else place.push(part);
  }
  return place;
}

/** The place of what is in no list and no object. */
export const rootOf = ({ within = "" }: Mapped): Place => segments(within);

const segments = (pointer: string): string[] => pointer.split("/").slice(1);

/** The places of paths, without the indexes of lists: all that a resource of the type can have. */
export function placesOf(mapped: Mapped, paths: readonly string[]): Place[] {
  return paths.map((path) => {
    let place = rootOf(mapped);
    const keys = path.split(".");
    for (let i = 1; i <= keys.length; i++) {
      const above = keys.slice(0, i).join(".");
      place = placeOf(mapped, above, place);
      if (mapped.forms?.[above]) break;
    }
    return place.filter((segment) => !/^\d+$/.test(segment));
  });
}

/** Translates inputs; what has no counterpart or is apart is left out. */
export function translate(mapped: Mapped, inputs: Properties): Translated {
  const value: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  const set = (place: Place, what: unknown, origin: string): void => {
    put(value, place, what);
    origins.set(`/${place.join("/")}`, origin);
  };
  const walk = (what: Value, path: string, shown: string, place: Place, inList = false): void => {
    const tags = /(^|\.)tags$/.test(path) && !Array.isArray(what);
    const form = inList ? undefined : (mapped.forms?.[path] ?? (tags ? tagPairs : undefined));
    if (what === unknown) set(place, what, shown);
    else if (form) set(place, form(what), shown);
    else if (Array.isArray(what)) {
      set(place, [], shown);
      what.forEach((one, i) => void walk(one, path, `${shown}[${i}]`, [...place, String(i)], true));
    } else if (typeof what === "object" && what !== null) {
      origins.set(`/${place.join("/")}`, shown);
      for (const [key, one] of Object.entries(what)) {
        const below = `${path}.${key}`;
        if (!mapped.without?.[below]) walk(one, below, `${shown}.${key}`, placeOf(mapped, below, place));
      }
    } else set(place, what, shown);
  };
  for (const [place, what] of Object.entries(mapped.implied ?? {})) put(value, segments(place), what);
  for (const [key, what] of Object.entries(inputs)) {
    if (mapped.without?.[key] || mapped.apart?.[key]) continue;
    walk(what, key, key, placeOf(mapped, key, rootOf(mapped)));
  }
  return { value, origins };
}

/** Sets a value in an object, and makes the objects and lists on the way. */
function put(root: Record<string, unknown>, place: Place, value: unknown): void {
  let at: Record<string, unknown> = root;
  place.slice(0, -1).forEach((segment, i) => {
    at[segment] ??= /^\d+$/.test(place[i + 1] ?? "") ? [] : {};
    at = at[segment] as Record<string, unknown>;
  });
  const last = place.at(-1) ?? "";
  if (!(last in at)) at[last] = value;
}
