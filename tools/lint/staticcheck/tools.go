//go:build tools

// Package tools pins staticcheck, which `npm run lint` builds into the user's cache.
package tools

import _ "honnef.co/go/tools/cmd/staticcheck"
