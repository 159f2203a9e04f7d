import { existsSync } from "node:fs";

/** The stack's certificate authorities, one after the other: guest/boot/authorities.sh puts them there. */
export const AUTHORITIES = "/etc/ssl/cloister/authorities.pem";

/** The system's list, which has them too. */
const SYSTEM = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Variables of a session for programs that have lists of authorities of their own. Empty where the stack has none: then every
 * program has what it comes with. Java's packages read the system's list (ca-certificates-java).
 *
 * @param file the stack's authorities; only tests set it
 */
export function authorityEnvironment(file: string = AUTHORITIES): Record<string, string> {
  if (!existsSync(file)) return {};
  return {
    // Node, npm and Claude Code add these to their own.
    NODE_EXTRA_CA_CERTS: file,
    // These take a whole list: Python's ssl, httpx, OpenSSL, Go, uv; requests and pip; git; curl that is not the system's; Rust.
    SSL_CERT_FILE: SYSTEM,
    REQUESTS_CA_BUNDLE: SYSTEM,
    PIP_CERT: SYSTEM,
    GIT_SSL_CAINFO: SYSTEM,
    CURL_CA_BUNDLE: SYSTEM,
    CARGO_HTTP_CAINFO: SYSTEM,
    AWS_CA_BUNDLE: SYSTEM,
  };
}
