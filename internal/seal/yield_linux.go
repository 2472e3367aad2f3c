package seal

import "golang.org/x/sys/unix"

// yieldToOthers has this thread run only while no other wants its processor
// (SCHED_IDLE): whatever wakes takes its place at once, where a merely low priority
// would let it finish its slice of milliseconds. That it may fail does no harm.
func yieldToOthers() {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
}
