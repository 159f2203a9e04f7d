#!/usr/bin/python3
# With a path: fetches the runtime image from its bucket with the machine's role. With --complete HOOK RESULT: answers a
# life-cycle hook of the machine's group, as soon as that waits. What Ubuntu's image has for that is Python alone.
# Signature: AWS Signature Version 4. The SDKs' own variables for other endpoints are honoured, for tests.
import datetime, hashlib, hmac, http.client, json, os, sys, time, urllib.parse, urllib.request

env = os.environ
region = env["RUNTIME_REGION"]
imds = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254").rstrip("/")
suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"

def metadata():
    ask = lambda path, method="GET", **headers: urllib.request.urlopen(
        urllib.request.Request(imds + path, method=method, headers=headers), timeout=5).read().decode()
    token = ask("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    return lambda item: ask("/latest/meta-data/" + item, **{"X-aws-ec2-metadata-token": token})

def signed(item, service, url, **more):
    base = "iam/security-credentials/"
    creds = json.loads(item(base + item(base).split()[0]))
    parts = urllib.parse.urlsplit(url)
    now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": empty, "x-amz-date": now,
               "x-amz-security-token": creds["Token"]}
    names = ";".join(headers)
    request = "\n".join(["GET", parts.path, parts.query, *[f"{k}:{v}" for k, v in headers.items()], "", names, empty])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + creds["SecretAccessKey"]).encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), "sha256").digest()
    signature = hmac.new(secret, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={creds['AccessKeyId']}/{scope}, "
                                f"SignedHeaders={names}, Signature={signature}")
    return urllib.request.urlopen(urllib.request.Request(url, headers={**headers, **more}), timeout=30)

def complete(hook, result):
    item = metadata()
    # Sorted by name, as the signature wants it.
    query = urllib.parse.urlencode({
        "Action": "CompleteLifecycleAction", "AutoScalingGroupName": item("tags/instance/aws:autoscaling:groupName"),
        "InstanceId": item("instance-id"), "LifecycleActionResult": result,
        "LifecycleHookName": hook, "Version": "2011-01-01"}, quote_via=urllib.parse.quote)
    base = env.get("AWS_ENDPOINT_URL_AUTO_SCALING", "").rstrip("/") or f"https://autoscaling.{region}.{suffix}"
    signed(item, "autoscaling", f"{base}/?{query}")

def digest_of(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha.update(block)
    return sha.hexdigest()

def fetch(target):
    size, digest, bucket, key = int(env["RUNTIME_SIZE"]), env["RUNTIME_DIGEST"], env["RUNTIME_BUCKET"], env["RUNTIME_KEY"]
    if os.path.exists(target) and digest_of(target) == digest:
        return
    s3 = env.get("AWS_ENDPOINT_URL_S3", "").rstrip("/")
    url = f"{s3}/{bucket}/{key}" if s3 else f"https://{bucket}.s3.{region}.{suffix}/{key}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    part = target + ".part"
    have = os.path.getsize(part) if os.path.exists(part) else 0
    # Goes on where a broken connection, or an earlier boot, left off.
    with signed(metadata(), "s3", url, **({"range": f"bytes={have}-"} if 0 < have < size else {})) as source:
        with open(part, "ab" if source.status == 206 else "wb") as file:
            while file.tell() <= size and (block := source.read(1 << 20)):
                file.write(block)
    have = os.path.getsize(part)
    if have < size:
        raise OSError(f"the connection ended after {have} of {size} bytes")
    seen = digest_of(part)
    if seen != digest:
        os.remove(part)
        sys.exit(f"the runtime image from s3://{bucket}/{key} has digest {seen}, not {digest}: it is not used")
    os.replace(part, target)

for attempt in range(1, 11):
    try:
        complete(*sys.argv[2:]) if sys.argv[1] == "--complete" else fetch(sys.argv[1])
        sys.exit(0)
    except (OSError, http.client.HTTPException) as error:
        print(f"attempt {attempt} of 10: {error}", file=sys.stderr, flush=True)
        time.sleep(min(2 ** attempt, 30))
sys.exit(1)
