package store

import (
	"context"

	"github.com/daypass/daypass/internal/store/gen"
)

// Head is the revision of the last committed change. Whoever follows the feed
// reads it before the rows above its last: what is committed in between is then
// read twice, never missed.
func (s queries) Head(ctx context.Context) (int64, error) {
	head, err := s.q.Head(ctx)
	return head.Revision, translate(err)
}

// Settings returns every setting by its name.
func (s queries) Settings(ctx context.Context) (map[string]string, error) {
	rows, err := s.q.Settings(ctx)
	if err != nil {
		return nil, translate(err)
	}
	settings := make(map[string]string, len(rows))
	for _, row := range rows {
		settings[row.Name] = row.Value
	}
	return settings, nil
}

// Setting returns one setting, or not_found.
func (s queries) Setting(ctx context.Context, name string) (string, error) {
	value, err := s.q.Setting(ctx, name)
	return value, translate(err)
}

// SetSetting writes a setting, new or not.
func (t *Tx) SetSetting(name, value string) error {
	return t.wrote(t.q.PutSetting(t.ctx, gen.PutSettingParams{Name: name, Value: value, Revision: t.Revision()}))
}
