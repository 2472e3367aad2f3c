package server

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
)

// leastGarbage is how much may gather before it is collected, in bytes.
const leastGarbage = 24 << 20

// TuneHeap keeps the collector from running all the time while little is in use.
// By default it runs when the heap has doubled: a server that holds 2 MB then
// collects some fifty times a second under load, which costs a tenth of its
// processor time and more. From here on it also lets at least 24 MB of garbage
// gather; a heap of more than 48 MB may grow by half.
//
// What starting needed is given back first, so call it when the server is made.
//
// It is for programs that are a server and nothing else, and leaves a GOGC of
// the operator's alone.
func TuneHeap() {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") == "" {
		afterCollection(&heapTuner{live: []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}, percent: 100})
	}
}

type heapTuner struct {
	live    []runtimemetrics.Sample
	percent int // as set now
}

// afterCollection adjusts the tuner, and again after each collection: by then
// the mark that is made here has been collected.
func afterCollection(h *heapTuner) {
	h.adjust()
	mark := new([64]byte)
	runtime.AddCleanup(mark, afterCollection, h)
}

func (h *heapTuner) adjust() {
	runtimemetrics.Read(h.live)
	const usual = 50
	live := max(h.live[0].Value.Uint64(), 1<<20)
	percent := max(usual, int(leastGarbage*100/live))
	// Setting it stops the world for a moment, so small changes are left out.
	if percent == usual && h.percent != usual || percent > h.percent*5/4 || percent < h.percent*4/5 {
		h.percent = percent
		debug.SetGCPercent(percent)
	}
}
