package main

import (
	"errors"

	"cloister/seal/internal/bytecode"
	"golang.org/x/sys/unix"
)

// read takes a filter's bytecode from a file, as `filters` wrote it.
func read(path string) ([]unix.SockFilter, error) {
	return bytecode.Read(path)
}

// loadFile puts a file's filter on this process.
func loadFile(path string) error {
	program, err := read(path)
	if err == nil {
		err = load(program)
	}
	if err != nil {
		return errors.New("loading " + path + ": " + err.Error())
	}
	return nil
}

// load puts a filter on every thread of this process.
func load(program []unix.SockFilter) error {
	return bytecode.Load(program)
}
