/**
 * The releases whose packages an image can carry, with their code names: `ID-VERSION_ID` of os-release(5), as
 * guest/boot/packages.sh looks for it.
 */
export const RELEASES = { "ubuntu-22.04": "jammy", "ubuntu-24.04": "noble" } as const;

/** One of these: the image carries packages of one release, that of its stack's base image. */
export type DebsRelease = keyof typeof RELEASES;

/** A release as messages name it. */
export const releaseName = (release: DebsRelease): string => release.replace("ubuntu-", "Ubuntu ");

/** The release of a base image, by its name; undefined where that is no Ubuntu. */
export const debsReleaseOf = (image: string): DebsRelease | undefined =>
  Object.hasOwn(RELEASES, image) ? (image as DebsRelease) : undefined;
