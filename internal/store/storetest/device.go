package storetest

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/seal"
	"github.com/daypass/daypass/internal/store"
)

func devices(w *world) {
	var code, user, other [32]byte
	code[0], user[0], other[0] = 1, 2, 3
	d := access.Device{
		ID: seal.NewID("dev"), Client: "daypass on build-7", Scopes: []string{"photos:*"}, State: access.DevicePending, Expires: noon.Add(time.Minute), Sealed: []byte{},
		From: access.LastUse{Time: noon, Address: netip.MustParseAddr("203.0.113.7"), UserAgent: "curl"},
	}
	if err := w.InsertDevice(w.ctx, code, user, d); err != nil {
		w.Fatal(err)
	}
	again := d
	again.ID = seal.NewID("dev")
	refused(w, w.InsertDevice(w.ctx, other, user, again), "already_exists")
	got, err := w.DeviceByUserCode(w.ctx, user, noon)
	equal(w, got, err, d)
	_, err = w.DeviceByUserCode(w.ctx, user, d.Expires)
	refused(w, err, "not_found")

	for _, poll := range []struct {
		after  time.Duration
		inTime bool
	}{{0, true}, {time.Second, false}, {5 * time.Second, true}} {
		if inTime, err := w.PollDevice(w.ctx, d.ID, noon.Add(poll.after), 4*time.Second); err != nil || inTime != poll.inTime {
			w.Error(poll, inTime, err)
		}
	}
	w.change(func(tx *store.Tx) error { return tx.DecideDevice(d.ID, access.DeviceApproved, []byte("sealed")) })
	_, err = w.Change(w.ctx, access.Actor{}, "", noon, func(tx *store.Tx) error { return tx.DecideDevice(d.ID, access.DeviceDenied, []byte{}) })
	refused(w, err, "not_found")
	_, err = w.DeviceByUserCode(w.ctx, user, noon)
	refused(w, err, "not_found")
	d.State, d.Sealed, d.Polled = access.DeviceApproved, []byte("sealed"), noon.Add(5*time.Second)
	got, err = w.DeviceByCode(w.ctx, code)
	equal(w, got, err, d)

	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if first, err := w.TakeDevice(w.ctx, d); err != nil {
				w.Error(err)
			} else if first {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		w.Errorf("%d have taken one pass", won.Load())
	}
	if err := w.InsertDevice(w.ctx, code, user, d); err != nil {
		w.Fatal(err)
	}
	if err := w.PruneDevices(w.ctx, d.Expires); err != nil {
		w.Fatal(err)
	}
	_, err = w.DeviceByCode(w.ctx, code)
	refused(w, err, "not_found")
}
