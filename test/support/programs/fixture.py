"""Makes the files of a small package registry of every kind: `fixture.py FOLDER`. Each has one package, `mark`, version 1.0.0."""
import hashlib
import io
import json
import pathlib
import sys
import tarfile
import zipfile

root = pathlib.Path(sys.argv[1])
MARK = b"hello"


def put(path: str, content: bytes) -> bytes:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return content


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


put("hello", MARK)

# npm; @BASE@ is replaced by the server's own address when a file is asked for.
package = {"name": "mark", "version": "1.0.0", "main": "index.js"}
tarball = put("npm/files/mark-1.0.0.tgz", tarred({
    "package/package.json": json.dumps(package).encode(),
    "package/index.js": b"module.exports = 'hello';",
}))
version = package | {"dist": {"tarball": "@BASE@/npm/files/mark-1.0.0.tgz", "shasum": hashlib.sha1(tarball).hexdigest()}}
put("npm/mark", json.dumps({"name": "mark", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode())

# PyPI
info = "mark-1.0.0.dist-info"
wheel = put("pypi/files/mark-1.0.0-py3-none-any.whl", zipped({
    "mark.py": b"WORD = 'hello'\n",
    f"{info}/METADATA": b"Metadata-Version: 2.1\nName: mark\nVersion: 1.0.0\n",
    f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{info}/RECORD": f"mark.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n".encode(),
}))
digest = hashlib.sha256(wheel).hexdigest()
put("pypi/simple/mark/index.html",
    f'<a href="../../files/mark-1.0.0-py3-none-any.whl#sha256={digest}">mark-1.0.0-py3-none-any.whl</a>'.encode())

# Go
module = b"module mark.example/mark\n\ngo 1.20\n"
put("go/mark.example/mark/@v/list", b"v1.0.0\n")
put("go/mark.example/mark/@v/v1.0.0.info", b'{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}')
put("go/mark.example/mark/@v/v1.0.0.mod", module)
put("go/mark.example/mark/@v/v1.0.0.zip", zipped({
    "mark.example/mark@v1.0.0/go.mod": module,
    "mark.example/mark@v1.0.0/mark.go": b'package mark\n\nconst Word = "hello"\n',
}))

# crates.io, as a sparse index
crate = put("cargo/crates/mark/1.0.0/download", tarred({
    "mark-1.0.0/Cargo.toml": b'[package]\nname = "mark"\nversion = "1.0.0"\n',
    "mark-1.0.0/src/lib.rs": b'pub const WORD: &str = "hello";\n',
}))
put("cargo/config.json", b'{"dl":"@BASE@/cargo/crates"}')
put("cargo/ma/rk/mark", json.dumps({
    "name": "mark", "vers": "1.0.0", "deps": [], "cksum": hashlib.sha256(crate).hexdigest(), "features": {}, "yanked": False,
}).encode())

# Maven
pom = (b'<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>example</groupId>'
       b"<artifactId>mark</artifactId><version>1.0.0</version><packaging>pom</packaging></project>")
for name, content in {"mark-1.0.0.pom": pom, "mark-1.0.0.jar": zipped({"mark.txt": MARK})}.items():
    put(f"maven/example/mark/1.0.0/{name}", content)
    put(f"maven/example/mark/1.0.0/{name}.sha1", hashlib.sha1(content).hexdigest().encode())
