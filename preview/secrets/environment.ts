/** Names of variables that hold credentials. */
const NAMES = /(?:TOKEN|SECRET|PASSW|PASSPHRASE|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIAL)/i;
/** Names that look like these, but hold paths or addresses. */
const NOT = /(?:_FILE|_PATH|_URL|_URI|_DIR|_ENDPOINT|_ARN)$/i;

/** The values of an environment that must be in no output. */
export function credentialsIn(env: Readonly<Record<string, string | undefined>>): string[] {
  const found = Object.entries(env).flatMap(([name, value]) =>
    value && NAMES.test(name) && !NOT.test(name) ? [value] : [],
  );
  return [...new Set(found)].filter((value) => value.length >= 6);
}
