/** The step behind `runtime-image.ts`. Its result goes to stdout, what it says to stderr. Old images stay for a rollback. */
import { S3Client } from "@aws-sdk/client-s3";
import { ensureRuntimeImage } from "../../../images/runtime/index.ts";
import { debsReleaseOf } from "../../../images/runtime/ubuntu/releases.ts";
import { awsConnection } from "../../../lib/aws-connection.ts";
import type { RuntimeSource } from "../machines/machine-template.ts";
import { putImage } from "./put-image.ts";

const region = process.env["CLOISTER_REGION"] ?? "";
const bucket = process.env["CLOISTER_BUCKET"] ?? "";
const say = (line: string): void => void process.stderr.write(`${line}\n`);

// Machines that reach no mirror have nowhere else to get them.
const ubuntuPackages = process.env["CLOISTER_UBUNTU_PACKAGES"] === "required" ? "required" : "when-reachable";
const ubuntuRelease = debsReleaseOf(process.env["CLOISTER_UBUNTU_RELEASE"] ?? "ubuntu-22.04");
if (ubuntuRelease === undefined) throw new Error("CLOISTER_UBUNTU_RELEASE names no release that this version knows");
const { path, digest, size } = await ensureRuntimeImage({ arch: "arm64", report: say, ubuntuPackages, ubuntuRelease });
const key = `runtime/${digest}.squashfs`;
// Virtual-host addressing wants a name server that knows the bucket: another endpoint than AWS's has none.
const forcePathStyle = (process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"]) !== undefined;
const s3 = new S3Client({ region, forcePathStyle, ...awsConnection() });
await putImage(s3, { file: path, digest, size, bucket, key, account: process.env["CLOISTER_ACCOUNT"] ?? "" }, say);
const source: RuntimeSource = { digest, size, region, bucket, key };
process.stdout.write(JSON.stringify(source));
