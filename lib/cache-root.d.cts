/**
 * The folder under which all caches live, absolute: `$CLOISTER_CACHE_DIR` (relative to the project's folder), else
 * `cloister` in the user's cache directory (`$XDG_CACHE_HOME` or `~/.cache`, XDG Base Directory Specification, which
 * says that a relative path counts as none; `~/Library/Caches` on macOS).
 */
export function cacheRoot(env?: NodeJS.ProcessEnv): string;
