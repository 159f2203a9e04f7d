/** The release of Pulumi that is downloaded or built; `@pulumi/pulumi` in package.json is of the same version. */
export const pulumiVersion = "3.245.0";

/** The Pulumi on PATH must be in this range (npm's semver syntax). */
export const pulumiRange = ">=3.245.0 <4";

/** The release of `@pulumi/command`, of which the plugin is told by the package itself. */
export const commandVersion = "1.2.1";

/** Base address of official releases. */
export const releaseHost = "https://get.pulumi.com";
