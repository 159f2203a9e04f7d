/** The step behind `runtime-image.ts`. Its result goes to stdout, what it says to stderr. Old images stay for a rollback. */
import { createReadStream } from "node:fs";
import { HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { ensureRuntimeImage } from "../../../images/runtime/index.ts";
import type { RuntimeSource } from "../machines/machine-template.ts";

const region = process.env["CLOISTER_REGION"] ?? "";
const bucket = process.env["CLOISTER_BUCKET"] ?? "";
const say = (line: string): void => void process.stderr.write(`${line}\n`);

// Machines that reach no mirror have nowhere else to get them.
const ubuntuPackages = process.env["CLOISTER_UBUNTU_PACKAGES"] === "required" ? "required" : "when-reachable";
const { path, digest, size } = await ensureRuntimeImage({ arch: "arm64", report: say, ubuntuPackages });
const key = `runtime/${digest}.squashfs`;
// Virtual-host addressing wants a name server that knows the bucket: another endpoint than AWS's has none.
const forcePathStyle = (process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"]) !== undefined;
const s3 = new S3Client({ region, forcePathStyle });
const there = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).catch((error: { name: string }) => {
  if (error.name === "NotFound") return undefined;
  throw error;
});
if (there?.ContentLength === size) say("the runtime image is in the bucket already");
else {
  say(`putting the runtime image (${Math.round(size / 1e6)} MB) into ${bucket}`);
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: createReadStream(path),
      ContentLength: size,
      ChecksumSHA256: Buffer.from(digest, "hex").toString("base64"),
    }),
  );
}
const source: RuntimeSource = { digest, size, region, bucket, key };
process.stdout.write(JSON.stringify(source));
