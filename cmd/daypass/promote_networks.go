package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
)

// networkYAML is one entry of a list of networks. What ends by itself is neither written nor touched: a ban of an hour is
// nobody's configuration.
type networkYAML struct {
	Network string `yaml:"network"`
	Action  string `yaml:"action"`
	Reason  string `yaml:"reason,omitempty"`
}

// lasting are the entries of a list that do not end, as its file has them.
func (l networkList) lasting(ctx context.Context) ([]networkYAML, error) {
	entries, _, err := l.entries(ctx, nil, 0)
	if err != nil {
		return nil, err
	}
	file := []networkYAML{}
	for _, e := range entries {
		if e.Expires == nil {
			file = append(file, networkYAML{e.Network, string(e.Action), e.Reason})
		}
	}
	return inOrder(file), nil
}

func inOrder(file []networkYAML) []networkYAML {
	slices.SortFunc(file, func(a, b networkYAML) int { return strings.Compare(a.Network, b.Network) })
	return file
}

func readNetworks(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	apps, _, err := listApplications(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, a := range apps {
		file, err := networkList{client, org, a.Slug}.lasting(ctx)
		if err != nil {
			return nil, err
		}
		if len(file) == 0 {
			continue
		}
		if texts[a.Slug], err = asYAML(file); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// readPlatformNetworks is the file of the platform's list, nil if the caller may not see that.
func readPlatformNetworks(ctx context.Context, client *api.Client) ([]byte, error) {
	file, err := networkList{client: client}.lasting(ctx)
	if refusal := (*daypass.Error)(nil); errors.As(err, &refusal) && refusal.Status == http.StatusForbidden {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return asYAML(file)
}

func checkNetworks(_, _ string, text []byte) ([]byte, error) {
	var file []networkYAML
	if err := strictYAML(text, &file); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range file {
		e := &file[i]
		network, err := access.ParseNetwork(e.Network)
		if err != nil {
			return nil, fmt.Errorf("%q: %s", e.Network, safeText(err))
		}
		e.Network = access.FormatNetwork(network)
		if seen[e.Network] {
			return nil, fmt.Errorf("%q is there twice", e.Network)
		}
		seen[e.Network] = true
		if e.Action == "" {
			e.Action = string(api.NetworkActionDeny)
		}
		if !slices.Contains([]string{"deny", "allow"}, e.Action) {
			return nil, fmt.Errorf("%q: an action is deny or allow", e.Network)
		}
	}
	return asYAML(inOrder(file))
}

func checkPlatformNetworks(_, _ string, text []byte) ([]byte, error) {
	canonical, err := checkNetworks("", "", text)
	if err != nil {
		return nil, err
	}
	list, err := networksIn(canonical)
	for _, e := range list {
		if e.Action != string(api.NetworkActionDeny) {
			return nil, fmt.Errorf("%q: the platform's list denies only", e.Network)
		}
	}
	return canonical, err
}

func networksIn(text []byte) (map[string]networkYAML, error) {
	var file []networkYAML
	if len(text) > 0 {
		if err := strictYAML(text, &file); err != nil {
			return nil, err
		}
	}
	list := make(map[string]networkYAML, len(file))
	for _, e := range file {
		list[e.Network] = e
	}
	return list, nil
}

// writeNetworks makes the difference between two files of a list and touches nothing else of it: neither what ends by
// itself, nor what somebody has denied meanwhile. The name is that of the application; empty: the platform's list.
func writeNetworks(ctx context.Context, e *edit) error {
	list := networkList{e.client, e.org, e.name}
	before, err := networksIn(e.before)
	if err != nil {
		return err
	}
	after, err := networksIn(e.after)
	if err != nil {
		return err
	}
	var put []api.NetworkItem
	var gone, turned []networkYAML
	for _, network := range slices.Sorted(maps.Keys(after)) {
		is := after[network]
		was, there := before[is.Network]
		if there && was == is {
			continue
		}
		if there && was.Action == string(api.NetworkActionDeny) && is.Action != was.Action {
			turned = append(turned, was) // what is denied cannot be allowed in one step
		}
		action := api.NetworkAction(is.Action)
		put = append(put, api.NetworkItem{Network: is.Network, Action: &action, Reason: &is.Reason})
	}
	for _, network := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[network]; !stays {
			gone = append(gone, before[network])
		}
	}
	if err := list.removeLasting(ctx, turned); err != nil {
		return err
	}
	// Before the others go, so that one network may take the place of several without a gap.
	for batch := range slices.Chunk(put, networkBatch) {
		if _, err := list.add(ctx, batch); err != nil {
			return err
		}
	}
	return list.removeLasting(ctx, gone)
}

// removeLasting removes entries that are still as they were seen.
func (l networkList) removeLasting(ctx context.Context, seen []networkYAML) error {
	if len(seen) == 0 {
		return nil
	}
	entries, _, err := l.entries(ctx, nil, 0)
	if err != nil {
		return err
	}
	now := make(map[string]*api.NetworkEntry, len(entries))
	for i := range entries {
		now[entries[i].Network] = &entries[i]
	}
	for _, was := range seen {
		is := now[was.Network]
		if is == nil || is.Expires != nil {
			continue
		}
		if (networkYAML{is.Network, string(is.Action), is.Reason}) != was {
			return errChangedMeanwhile
		}
		tag := strconv.Quote(strconv.FormatInt(is.Revision, 10))
		err := l.remove(ctx, was.Network, &tag)
		switch {
		case errors.Is(err, &daypass.Error{Code: "not_found"}):
		case errors.Is(err, &daypass.Error{Code: "precondition_failed"}):
			return errChangedMeanwhile
		case err != nil:
			return err
		}
	}
	return nil
}

func removeNetworks(ctx context.Context, e *edit) error { return writeNetworks(ctx, e) }
