//go:build tools

// Package tools pins actionlint, which `npm run lint` builds into the user's cache.
package tools

import _ "github.com/rhysd/actionlint/cmd/actionlint"
