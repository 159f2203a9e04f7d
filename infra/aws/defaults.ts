/**
 * Defaults of the components of this folder, which are those of the configuration as well. They have no imports: the
 * schema of a local stack reads them, and must not load AWS's packages for that.
 */

/** Defaults of `Network`. */
export const NETWORK = { cidr: "10.20.0.0/16", nat: "single", ssmEndpoints: false } as const;

/** Defaults of `Pool`. */
export const POOL = {
  /** Time that a stopping machine has for commands that still run. Seconds. */
  drainSeconds: 900,
  /** Time that a starting machine has for its verification. Seconds. */
  verifySeconds: 900,
} as const;

/** How many machines of a pool work while it is refreshed, in percent. The provider sends 90 where no least is given. */
export const REFRESH = { minHealthyPercentage: 90, maxHealthyPercentage: 110 } as const;

/** Ubuntu's own mirror for arm64. */
export const PUBLIC_MIRROR = "https://ports.ubuntu.com/ubuntu-ports";
