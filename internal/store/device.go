package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/internal/store/gen"
)

// InsertDevice adds a device that waits, by the keyed hashes of its two codes. It is
// no change: nobody is let in by it.
func (s *Store) InsertDevice(ctx context.Context, deviceHash, userHash [32]byte, d access.Device) error {
	q, err := s.direct(ctx)
	if err != nil {
		return err
	}
	scopes := []byte{}
	if d.Scopes != nil {
		if scopes, err = json.Marshal(d.Scopes); err != nil {
			return err
		}
	}
	return translate(q.InsertDevice(ctx, gen.InsertDeviceParams{
		ID: d.ID, DeviceHash: deviceHash[:], UserHash: userHash[:], Client: d.Client, Scopes: string(scopes),
		Address: addressText(d.From.Address), Agent: storable(d.From.UserAgent), Created: millis(d.From.Time), Expires: millis(d.Expires), Sealed: []byte{},
	}))
}

// DeviceByUserCode finds a device that waits at now.
func (s queries) DeviceByUserCode(ctx context.Context, hash [32]byte, now time.Time) (access.Device, error) {
	row, err := s.q.DeviceByUserCode(ctx, gen.DeviceByUserCodeParams{UserHash: hash[:], Now: millis(now)})
	return one(row, err, device)
}

// DeviceByCode finds a device, also one that waits no more.
func (s queries) DeviceByCode(ctx context.Context, hash [32]byte) (access.Device, error) {
	row, err := s.q.DeviceByCode(ctx, hash[:])
	return one(row, err, device)
}

func device(row gen.Device) (d access.Device, err error) {
	d = access.Device{
		ID: row.ID, Client: row.Client, Expires: fromMillis(row.Expires), Polled: fromMillis(row.Polled),
		State: access.DeviceState(row.State), Sealed: row.Sealed,
	}
	if row.Scopes != "" {
		if err := json.Unmarshal([]byte(row.Scopes), &d.Scopes); err != nil {
			return d, err
		}
	}
	d.From, err = lastUse(row.Created, row.Address, row.Agent)
	return d, err
}

// PollDevice notes that a device asks at now. It reports false where it did so less
// than the interval before.
func (s *Store) PollDevice(ctx context.Context, id string, now time.Time, interval time.Duration) (inTime bool, err error) {
	q, err := s.direct(ctx)
	if err != nil {
		return false, err
	}
	n, err := q.PollDevice(ctx, gen.PollDeviceParams{ID: id, Now: millis(now), Before: millis(now.Add(-interval))})
	return n == 1, translate(err)
}

// DecideDevice settles what a device waits for; not_found if that was done before, or
// its time is over.
func (t *Tx) DecideDevice(id string, state access.DeviceState, sealed []byte) error {
	return t.wroteOne(t.q.DecideDevice(t.ctx, gen.DecideDeviceParams{ID: id, State: string(state), Sealed: sealed, Now: millis(t.Now())}))
}

// TakeDevice removes a device that was decided upon. Of any number that try, a single
// one wins.
func (s *Store) TakeDevice(ctx context.Context, d access.Device) (won bool, err error) {
	q, err := s.direct(ctx)
	if err != nil {
		return false, err
	}
	n, err := q.TakeDevice(ctx, gen.TakeDeviceParams{ID: d.ID, State: string(d.State)})
	return n == 1, translate(err)
}

// PruneDevices drops those whose time was over before the given one.
func (s *Store) PruneDevices(ctx context.Context, before time.Time) error {
	q, err := s.direct(ctx)
	if err != nil {
		return err
	}
	_, err = q.PruneDevices(ctx, millis(before))
	return translate(err)
}
