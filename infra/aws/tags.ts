/** Tags of one resource. */
export type Tags = Readonly<Record<string, string>>;

/**
 * Keys of tags that an instance may have whose tags are in its metadata; EC2 does not launch it with another (EC2 user
 * guide, "View tags for your EC2 instances using instance metadata").
 */
export const METADATA_TAG = /^(?!(?:\.{1,2}|_index)$)[A-Za-z0-9+\-=.,_:@]+$/;
