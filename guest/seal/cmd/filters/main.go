// Command filters writes cloister's seccomp filters as BPF bytecode. It runs at build time, on a host of any
// architecture.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"cloister/seal/internal/filter"
)

func main() {
	name := flag.String("arch", "", "architecture the filters are for: amd64 or arm64")
	out := flag.String("out", "", "folder to write the filters to; it is made when missing")
	flag.Parse()
	if err := write(*name, *out); err != nil {
		fmt.Fprintln(os.Stderr, "filters:", err)
		os.Exit(1)
	}
}

func write(name, out string) error {
	a, ok := filter.Arches[name]
	if !ok {
		return fmt.Errorf("-arch %q: must be amd64 or arm64", name)
	}
	if out == "" {
		return fmt.Errorf("-out is missing: name a folder")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for file, f := range map[string]filter.Filter{
		"supervisor.bpf": filter.Supervisor,
		"launcher.bpf":   filter.Launcher, "base.bpf": filter.Base, "unix.bpf": filter.Unix,
	} {
		program, err := f.Assemble(a)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		bytes, err := filter.Bytes(program)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(out, file), bytes, 0o644); err != nil {
			return err
		}
	}
	return nil
}
