/**
 * The folder under which all caches live, absolute: `$CLOISTER_CACHE_DIR` (relative to the project's folder), else
 * `cloister` in the user's cache directory (`$XDG_CACHE_HOME` or `~/.cache`, XDG Base Directory Specification, which
 * says that a relative path counts as none; `~/Library/Caches` on macOS).
 *
 * @throws Error when root has it in the home of the user who called sudo
 */
export function cacheRoot(env?: NodeJS.ProcessEnv): string;
