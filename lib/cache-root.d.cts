/**
 * The folder under which all caches live: `$CLOISTER_CACHE_DIR`, else `cloister` in the user's cache directory
 * (`$XDG_CACHE_HOME` or `~/.cache`, XDG Base Directory Specification; `~/Library/Caches` on macOS).
 */
export function cacheRoot(env?: NodeJS.ProcessEnv): string;
