import { existsSync } from "node:fs";

/** Lists of certificate authorities on a machine, as guest/boot/authorities.sh leaves them. */
const FILES = {
  /** The stack's own. */
  own: "/etc/ssl/cloister/authorities.pem",
  /** The system's, with the stack's own in it. */
  system: "/etc/ssl/certs/ca-certificates.crt",
};

/**
 * Variables of a session for programs that have lists of authorities of their own. Empty where the stack has none: then every
 * program has those that it comes with. Java's packages read the system's list (ca-certificates-java).
 *
 * @param files only tests set them
 */
export function authorityEnvironment({ own, system }: typeof FILES = FILES): Record<string, string> {
  if (!existsSync(own)) return {};
  return {
    // Node, npm and Claude Code add these to their own.
    NODE_EXTRA_CA_CERTS: own,
    // All others take a whole list: OpenSSL, Python, Go, uv; requests; pip; git; curl; cargo; AWS's programs.
    SSL_CERT_FILE: system,
    REQUESTS_CA_BUNDLE: system,
    PIP_CERT: system,
    GIT_SSL_CAINFO: system,
    CURL_CA_BUNDLE: system,
    CARGO_HTTP_CAINFO: system,
    AWS_CA_BUNDLE: system,
  };
}
