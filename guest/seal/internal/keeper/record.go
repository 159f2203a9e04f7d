package keeper

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// record notes what of a session could not be removed, or that nothing stays.
func (m Machine) record(name string, problems []string) error {
	path := filepath.Join(m.Records, name)
	if len(problems) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(m.Records, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(strings.Join(problems, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
