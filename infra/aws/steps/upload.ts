/** The step behind `runtime-image.ts`. Its result goes to stdout, what it says to stderr. Old images stay for a rollback. */
import { createReadStream } from "node:fs";
import { HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import pRetry from "p-retry";
import { ensureRuntimeImage } from "../../../images/runtime/index.ts";
import { debsReleaseOf } from "../../../images/runtime/ubuntu/releases.ts";
import type { RuntimeSource } from "../machines/machine-template.ts";

const region = process.env["CLOISTER_REGION"] ?? "";
const bucket = process.env["CLOISTER_BUCKET"] ?? "";
// The step has credentials of its own: those of another account shall not write into a bucket of the same name.
const owner = process.env["CLOISTER_ACCOUNT"] ? { ExpectedBucketOwner: process.env["CLOISTER_ACCOUNT"] } : {};
const say = (line: string): void => void process.stderr.write(`${line}\n`);

// Machines that reach no mirror have nowhere else to get them.
const ubuntuPackages = process.env["CLOISTER_UBUNTU_PACKAGES"] === "required" ? "required" : "when-reachable";
const ubuntuRelease = debsReleaseOf(process.env["CLOISTER_UBUNTU_RELEASE"] ?? "ubuntu-22.04");
if (ubuntuRelease === undefined) throw new Error("CLOISTER_UBUNTU_RELEASE names no release that this version knows");
const { path, digest, size } = await ensureRuntimeImage({ arch: "arm64", report: say, ubuntuPackages, ubuntuRelease });
const key = `runtime/${digest}.squashfs`;
// Virtual-host addressing wants a name server that knows the bucket: another endpoint than AWS's has none.
const forcePathStyle = (process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"]) !== undefined;
const s3 = new S3Client({ region, forcePathStyle });
const there = await s3
  .send(new HeadObjectCommand({ Bucket: bucket, Key: key, ...owner }))
  .catch((error: { name: string }) => {
    if (error.name === "NotFound") return undefined;
    throw error;
  });
if (there?.ContentLength === size) say("the runtime image is in the bucket already");
else {
  say(`putting the runtime image (${Math.round(size / 1e6)} MB) into ${bucket}`);
  // The SDK cannot send a stream twice: each try gets one of its own.
  await pRetry(
    () =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: createReadStream(path),
          ContentLength: size,
          ChecksumSHA256: Buffer.from(digest, "hex").toString("base64"),
          ...owner,
        }),
      ),
    {
      retries: 3,
      minTimeout: 5_000,
      shouldRetry: ({ error }) =>
        ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 500) >= 500,
      onFailedAttempt: ({ error, retriesLeft }) => {
        if (retriesLeft > 0) say(`it broke off (${error.message}): once more`);
      },
    },
  );
}
const source: RuntimeSource = { digest, size, region, bucket, key };
process.stdout.write(JSON.stringify(source));
