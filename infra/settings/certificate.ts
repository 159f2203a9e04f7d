import { X509Certificate } from "node:crypto";

/**
 * The reason for which a text is no certificate authority that a machine can trust, or undefined when it is one.
 *
 * @param pem one certificate in PEM
 * @param now the time at which it must be valid
 */
export function authorityProblem(pem: string, now = new Date()): string | undefined {
  if (/PRIVATE KEY/.test(pem))
    return "has a private key in it. Write the certificate alone, and take the key out of the file";
  const count = [...pem.matchAll(/^-----BEGIN CERTIFICATE-----\s*$/gm)].length;
  if (count === 0) return "must be a certificate in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----";
  if (count > 1) return `holds ${count} certificates. Write each as an entry of its own`;
  const certificate = parsed(pem);
  if (certificate === undefined) return "cannot be read as a certificate: its text is damaged";
  const name = certificate.subject.split("\n").at(-1) ?? "";
  if (!certificate.ca)
    return `(${name}) is no certificate authority: it may sign no other. Write the one that signed it`;
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  if (to < now) return `(${name}) expired on ${day(to)}. Write its successor, or remove it`;
  if (from > now) return `(${name}) is not valid before ${day(from)}`;
  return undefined;
}

/** Certificates as a machine gets them: without comments, one after the other, each once. */
export function authoritiesText(pems: readonly string[]): string {
  return [...new Set(pems.map((pem) => new X509Certificate(pem).toString()))].join("");
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

const day = (date: Date): string => date.toISOString().slice(0, 10);
