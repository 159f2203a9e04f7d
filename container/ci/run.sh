#!/usr/bin/env bash
# The step that runs a sealed session over a checkout: settings are in CLOISTER_CI_... of the environment (docs/ci.md).
# Its exit code is the command's.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if ! command -v node >/dev/null; then
  echo "cloister: Node 20.11 or newer is needed on the runner: add a step with actions/setup-node" >&2
  exit 2
fi
# Of a pull request's own checkout nothing is run: the working folder is the action's.
cd "$here/../.."
# One process, without a shell or npm above it, which would not hand signals on: a job that is cancelled takes its container down.
exec node --require ./toolchain/bootstrap.cjs lib/run-bundled.cjs cli/container/main.ts ci
