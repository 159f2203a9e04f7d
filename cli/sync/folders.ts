/**
 * Remembers what is known of each folder on the way to the last path: most of them are on the way to the next one, too.
 * Without it a session's path of many folders takes as long as the square of their number, and each path again.
 */
export class FoldersOnTheWay<T> {
  #names: string[] = [];
  #folder: string | undefined;
  readonly #known: T[] = [];
  readonly #look: (path: string, name: string, above: T | undefined) => T;

  /** @param look what is known of a path that ends in a name, and of the folder above, which is undefined at the top */
  constructor(look: (path: string, name: string, above: T | undefined) => T) {
    this.#look = look;
  }

  /** Returns what is known of each folder on the way to a path, and of the path itself. It holds until the next call. */
  of(path: string): readonly T[] {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    // Entries of one folder come one after the other.
    const names = folder === this.#folder ? this.#names : path.split("/");
    let same = this.#names.length;
    if (folder === this.#folder) names[--same] = folder === "" ? path : path.slice(folder.length + 1);
    else for (same = 0; same < names.length && this.#names[same] === names[same]; ) same++;
    this.#known.length = same;
    let end = same === names.length - 1 ? folder.length : names.slice(0, same).join("/").length;
    for (const name of names.slice(same)) {
      end += name.length + (end === 0 ? 0 : 1);
      this.#known.push(this.#look(path.slice(0, end), name, this.#known.at(-1)));
    }
    this.#names = names;
    this.#folder = folder;
    return this.#known;
  }
}
