#!/usr/bin/python3
# Fetches the runtime image from its bucket with the machine's role: what Ubuntu's image has for that is Python alone.
# Signature: AWS Signature Version 4. The SDKs' own variables for other endpoints are honoured, for tests.
import datetime, hashlib, hmac, json, os, sys, time, urllib.request

env = os.environ
target, size, digest = sys.argv[1], int(env["RUNTIME_SIZE"]), env["RUNTIME_DIGEST"]
region, bucket, key = env["RUNTIME_REGION"], env["RUNTIME_BUCKET"], env["RUNTIME_KEY"]
imds = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
s3 = env.get("AWS_ENDPOINT_URL_S3", "").rstrip("/")
suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
url = f"{s3}/{bucket}/{key}" if s3 else f"https://{bucket}.s3.{region}.{suffix}/{key}"

def digest_of(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha.update(block)
    return sha.hexdigest()

def credentials():
    ask = lambda path, method="GET", **headers: urllib.request.urlopen(
        urllib.request.Request(imds + path, method=method, headers=headers), timeout=5).read().decode()
    token = ask("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    head = {"X-aws-ec2-metadata-token": token}
    base = "/latest/meta-data/iam/security-credentials/"
    return json.loads(ask(base + ask(base, **head).split()[0], **head))

def signed(creds):
    host, path = url.split("/", 3)[2], "/" + url.split("/", 3)[3]
    now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": now,
               "x-amz-security-token": creds["Token"]}
    names = ";".join(headers)
    request = "\n".join(["GET", path, "", *[f"{k}:{v}" for k, v in headers.items()], "", names, "UNSIGNED-PAYLOAD"])
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + creds["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), "sha256").digest()
    signature = hmac.new(secret, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={creds['AccessKeyId']}/{scope}, "
                                f"SignedHeaders={names}, Signature={signature}")
    return urllib.request.Request(url, headers=headers)

if os.path.exists(target) and digest_of(target) == digest:
    sys.exit(0)
os.makedirs(os.path.dirname(target), exist_ok=True)
for attempt in range(1, 11):
    try:
        part = target + ".part"
        with urllib.request.urlopen(signed(credentials()), timeout=30) as source, open(part, "wb") as file:
            left = size + 1
            while left > 0 and (block := source.read(min(1 << 20, left))):
                file.write(block)
                left -= len(block)
        seen = digest_of(part)
        if seen != digest:
            sys.exit(f"the runtime image from s3://{bucket}/{key} has digest {seen}, not {digest}: it is not used")
        os.replace(part, target)
        sys.exit(0)
    except OSError as error:
        print(f"attempt {attempt}: {url}: {error}", file=sys.stderr)
        time.sleep(min(2 ** attempt, 30))
sys.exit(1)
