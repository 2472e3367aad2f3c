package meter

import (
	"context"
	"errors"
	"time"
)

// lastFlush is how long the last flush may take, which begins when everything else ends.
const lastFlush = 5 * time.Second

// flushing is how what gathers in memory comes to be written.
type flushing struct {
	every  time.Duration
	flush  func(context.Context) error
	kick   <-chan struct{}
	kicked func(context.Context) error // what a kick asks for
	failed func(error)
}

// run goes on until ctx ends; then it flushes a last time.
func (f flushing) run(ctx context.Context) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		do := f.flush
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			if err := f.flush(last); err != nil {
				f.failed(err)
			}
			return
		case <-f.kick:
			do = f.kicked
		case <-tick.C:
		}
		if err := do(ctx); err != nil && !errors.Is(err, context.Canceled) {
			f.failed(err)
		}
	}
}
