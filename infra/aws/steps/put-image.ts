import { createReadStream } from "node:fs";
import { HeadObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import pRetry from "p-retry";

/** The runtime image, and its place in a bucket. */
interface Put {
  readonly file: string;
  /** SHA-256 in hexadecimal digits. S3 takes no other bytes. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly bucket: string;
  readonly key: string;
  /** The account that must own the bucket; empty: any. */
  readonly account: string;
}

/**
 * Puts the image where it is not yet. A line that breaks off is tried again, three times.
 *
 * @param say hears what is done
 * @throws AWS's refusal, or the last try's error
 */
export async function putImage(
  s3: Pick<S3Client, "send">,
  { file, digest, size, bucket, key, account }: Put,
  say: (line: string) => void,
  waitMs = 5_000,
): Promise<void> {
  // These credentials are the step's own: those of another account shall not write into a bucket of the same name.
  const place = { Bucket: bucket, Key: key, ...(account === "" ? {} : { ExpectedBucketOwner: account }) };
  const there = await s3.send(new HeadObjectCommand(place)).catch((error: { name: string }) => {
    if (error.name === "NotFound") return undefined;
    throw error;
  });
  if (there?.ContentLength === size) return say("the runtime image is in the bucket already");
  say(`putting the runtime image (${Math.round(size / 1e6)} MB) into ${bucket}`);
  const ChecksumSHA256 = Buffer.from(digest, "hex").toString("base64");
  // The SDK cannot send a stream twice: each try gets one of its own.
  const put = () =>
    s3.send(new PutObjectCommand({ ...place, Body: createReadStream(file), ContentLength: size, ChecksumSHA256 }));
  await pRetry(put, {
    retries: 3,
    minTimeout: waitMs,
    shouldRetry: ({ error }) =>
      ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 500) >= 500,
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (retriesLeft > 0) say(`it broke off (${error.message}): once more`);
    },
  });
}
