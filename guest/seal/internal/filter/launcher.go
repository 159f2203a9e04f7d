package filter

// Arguments of prctl(2) (linux/prctl.h).
const (
	prSetDumpable = 4
	dumpable      = 1
)

// Launcher is the filter that the launcher loads before it becomes bubblewrap. Bubblewrap, bash and the bridges run from files that
// only root may read, so the kernel lets no process of the same user trace them or open their memory. Bubblewrap makes itself
// traceable again (prctl, PR_SET_DUMPABLE): here that call succeeds and does nothing.
var Launcher = Filter{
	Rules: []Rule{
		{Syscalls: []string{"prctl"}, Errno: 0, When: []Condition{
			{Argument: 0, In: []uint32{prSetDumpable}},
			{Argument: 1, In: []uint32{dumpable}},
		}},
	},
}
