/** A release of Ubuntu that machines on AWS can start from. */
export interface UbuntuOnAws {
  /** The part of an image's name that tells the release (Ubuntu on AWS documentation). */
  readonly inName: string;
  /** Canonical's public parameter, whose value is the id of today's image: the path names a kind of disk, whatever the disk will be. */
  readonly parameter: string;
}

export const UBUNTU_ON_AWS = {
  "ubuntu-22.04": {
    inName: "ubuntu-jammy-22.04",
    parameter: "/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
  },
  "ubuntu-24.04": {
    inName: "ubuntu-noble-24.04",
    parameter: "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
  },
} as const satisfies Record<string, UbuntuOnAws>;

export type ReleaseOnAws = keyof typeof UBUNTU_ON_AWS;

/** The release of an image, by the image's name; undefined for all others. */
export function releaseOf(name: string): ReleaseOnAws | undefined {
  const names = Object.keys(UBUNTU_ON_AWS) as ReleaseOnAws[];
  return names.find((release) => name.includes(UBUNTU_ON_AWS[release].inName));
}
