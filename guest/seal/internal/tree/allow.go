package tree

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// OwnedBy lets only folders of these user ids be removed.
func OwnedBy(from, to uint32) func(*unix.Statx_t) error {
	return func(status *unix.Statx_t) error {
		if status.Uid >= from && status.Uid <= to {
			return nil
		}
		return errors.New("it belongs to user id " + strconv.FormatUint(uint64(status.Uid), 10) + ", which is no session's")
	}
}
