/** A function of the policy SDK that makes plain values of a message's properties. */
export type Read = (message: object, proxySecrets: boolean) => object;

/**
 * A reader that reads each message once. The SDK reads a resource's properties again for each rule, and those of the whole
 * stack for each rule about the stack, one after another, while the engine waits. Rules change nothing of what they are given.
 * Secrets that are to be kept as such are for remedies, which do change it: those are read each time.
 */
export function readOnce(read: Read): Read {
  const known = new WeakMap<object, object>();
  return (message, proxySecrets) => {
    if (proxySecrets) return read(message, proxySecrets);
    const have = known.get(message) ?? read(message, proxySecrets);
    known.set(message, have);
    return have;
  };
}
