#!/usr/bin/env bash
# comment-rehearsed.sh FOLDER OWNER:BRANCH COMMIT: shows rehearsed documents, FOLDER/rehearsal-STACK/change.json, of the stacks
# that this checkout has. A run whose account was previewed has made none.
set -euo pipefail
folder=$1 head=$2 commit=$3
for file in Pulumi.*.yaml; do
  stack=${file#Pulumi.} stack=${stack%.yaml}
  document=$folder/rehearsal-$stack/change.json
  # A single artifact is unpacked without a folder of its own.
  [[ -f $document ]] || document=$folder/change.json
  [[ -f $document && ! -L $document ]] || continue
  if [[ $document == "$folder/change.json" ]]; then
    own=$(node -p 'String(JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).stack)' "$document")
    [[ $own == "$stack" ]] || continue
  fi
  npm run -s preview:comment -- --document "$document" --stack "$stack" --head "$head" --commit "$commit" --rehearsed
done
