import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createMessage, type Key, readKey, readSignature, verify } from "openpgp";

/** Canonical's "UEC Image Automatic Signing Key", as Debian's package ubuntu-keyring carries it. */
export const FINGERPRINT = "d2eb44626fddc30b513d5bb71a5d6c4c7db87c81";

/** The list of checksums is not what Canonical signed. Nothing from its folder may be used. */
export class SignatureError extends Error {
  override readonly name = "SignatureError";
}

/** Reads the key that ships beside this file; refuses any other. */
export async function signingKey(path = join(import.meta.dirname, "signing-key.asc")): Promise<Key> {
  const key = await readKey({ armoredKey: await readFile(path, "utf8") });
  if (key.getFingerprint() !== FINGERPRINT) {
    throw new SignatureError(`${path} holds the key ${key.getFingerprint()} instead of ${FINGERPRINT}`);
  }
  return key;
}

/**
 * Checks a detached signature, armored or binary.
 *
 * @param source where the list is from, for the message
 * @throws {SignatureError} unless at least one signature in it is by `key` and over exactly these bytes
 */
export async function verifySignature(
  signed: Uint8Array,
  signature: Uint8Array,
  key: Key,
  source: string,
): Promise<void> {
  const armored = Buffer.from(signature.subarray(0, 5)).toString() === "-----";
  let reason = "it holds no signature";
  try {
    const { signatures } = await verify({
      message: await createMessage({ binary: signed }),
      signature: armored
        ? await readSignature({ armoredSignature: Buffer.from(signature).toString() })
        : await readSignature({ binarySignature: signature }),
      verificationKeys: key,
      format: "binary",
    });
    for (const { verified } of signatures) {
      try {
        await verified;
        return;
      } catch (error) {
        reason = (error as Error).message;
      }
    }
  } catch (error) {
    reason = (error as Error).message;
  }
  throw new SignatureError(
    `${source}: the signature is not Canonical's (${reason}). Nothing of it was used. ` +
      "Try again; if it happens again, something between you and the host changes its files.",
  );
}

/**
 * Finds a file's checksum in the text of a SHA256SUMS file (sha256sum(1): checksum, a space, a space or an asterisk, name).
 *
 * @returns lower-case hexadecimal, or undefined when the file is not listed
 */
export function checksumOf(list: string, file: string): string | undefined {
  for (const line of list.split("\n")) {
    const [, checksum, name] = /^([0-9a-f]{64}) [ *](.+?)\r?$/.exec(line) ?? [];
    if (name === file) return checksum;
  }
  return undefined;
}
