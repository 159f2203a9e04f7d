package guard_test

import "time"

// settle lets the clock that birth times come from move on.
func settle() { time.Sleep(20 * time.Millisecond) }
