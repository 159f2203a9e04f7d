// A module of its own: the seal's has none of what the agent's tools need. Its path lies below the seal's, whose packages are internal.
module cloister/seal/container

go 1.24.0

require (
	cloister/mcp v0.0.0
	cloister/seal v0.0.0
)

require (
	github.com/google/jsonschema-go v0.3.0 // indirect
	github.com/modelcontextprotocol/go-sdk v1.1.0 // indirect
	github.com/yosida95/uritemplate/v3 v3.0.2 // indirect
	golang.org/x/net v0.41.0 // indirect
	golang.org/x/oauth2 v0.30.0 // indirect
	golang.org/x/sys v0.33.0 // indirect
)

replace (
	cloister/mcp => ../../agent/mcp
	cloister/seal => ../../seal
)
