import { createMessage, enums, readKey, readSignature, verify } from "openpgp";

/**
 * Checks a detached signature.
 *
 * @param fingerprint of the one key that may have made it, as 40 hexadecimal digits
 * @throws when the key is another one, or did not sign these bytes
 */
export async function checkSignature(args: {
  readonly data: Uint8Array;
  readonly signature: Uint8Array;
  readonly key: Uint8Array;
  readonly fingerprint: string;
}): Promise<void> {
  const { data, fingerprint } = args;
  const key = await readKey(either(args.key, "armoredKey", "binaryKey") as { binaryKey: Uint8Array });
  const seen = key.getFingerprint().toUpperCase();
  if (seen !== fingerprint.toUpperCase()) throw new Error(`the signing key is ${seen}, not ${fingerprint}`);
  const signature = await readSignature(
    either(args.signature, "armoredSignature", "binarySignature") as { binarySignature: Uint8Array },
  );
  const { signatures } = await verify({
    message: await createMessage({ binary: data }),
    signature,
    verificationKeys: key,
    // This is as strict as GnuPG 2.2. The key is from 2017 and is known by its fingerprint, so the algorithm of its own
    // signature does not matter.
    config: {
      rejectHashAlgorithms: new Set([enums.hash.md5, enums.hash.ripemd]),
      rejectMessageHashAlgorithms: new Set([enums.hash.md5, enums.hash.ripemd]),
    },
  });
  const [first] = signatures;
  if (!first) throw new Error("there is no signature");
  await first.verified;
}

/** Both forms are published under names that do not tell which it is. */
function either(bytes: Uint8Array, armored: string, binary: string): Record<string, unknown> {
  const text = Buffer.from(bytes.subarray(0, 64)).toString("latin1");
  return text.includes("-----BEGIN PGP") ? { [armored]: Buffer.from(bytes).toString("latin1") } : { [binary]: bytes };
}
