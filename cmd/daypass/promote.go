package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/daypass/daypass"
	"github.com/daypass/daypass/api"
	"github.com/daypass/daypass/internal/access"
	"github.com/daypass/daypass/scope"
)

// A configuration on disk is one file for each thing, so that a review reads what changed and nothing else:
//
//	organizations/acme/organization.yaml
//	organizations/acme/roles/viewer.yaml
//	organizations/acme/plans/gold.yaml
//	organizations/acme/applications/photos.yaml
//	organizations/acme/shadows/photos.yaml
//	organizations/acme/issuers/github.yaml
//	organizations/acme/networks/photos.yaml
//	platform/networks.yaml
//
// There are no ids in it, no keys, no users and nobody's secrets: it is what moves from one environment to the next.

// part is a kind of thing that an organization's configuration consists of.
type part struct {
	folder string
	read   func(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) // by name
	check  func(org, name string, text []byte) (canonical []byte, err error)
	write  func(ctx context.Context, e *edit) error
	remove func(ctx context.Context, e *edit) error
}

// edit is the change of one thing, from what the server was seen to have to what it is to have.
type edit struct {
	client        *api.Client
	org, name     string
	before, after []byte // nil: not there
}

// errChangedMeanwhile is that the server has no longer what the differences were worked out from.
var errChangedMeanwhile = failed("precondition_failed", "it was changed in the meantime, and stays as it is now").
	advising("run this again with --dry-run to see what differs now")

// parts in the order in which they are written: what comes later may name what came before.
var parts = []part{
	{folder: "roles", read: readRoles, check: checkRole, write: writeRole, remove: removeRole},
	{folder: "plans", read: readPlans, check: checkPlan, write: writePlan, remove: removePlan},
	{folder: "applications", read: readApplications, check: checkApplication, write: writeApplication, remove: removeApplication},
	{folder: "shadows", read: readShadows, check: checkShadow, write: writeShadow, remove: removeShadow},
	{folder: "issuers", read: readIssuers, check: checkIssuer, write: writeIssuer, remove: removeIssuer},
	{folder: "networks", read: readNetworks, check: checkNetworks, write: writeNetworks, remove: removeNetworks},
}

// platformNetworks is the list that denies for every application. It has one file, also where it is empty, if the caller may
// see it.
var platformNetworks = part{check: checkPlatformNetworks, write: writeNetworks}

const (
	platformFolder      = "platform"
	platformFile        = platformFolder + "/networks.yaml"
	organizationsFolder = "organizations"
	organizationFile    = "organization.yaml"
	extension           = ".yaml"
)

// maxConfiguration is how long a file may be, in bytes: a full list of networks with reasons is half of it.
const maxConfiguration = 64 << 20

// tree is a configuration: texts by the slash-separated paths of their files.
type tree map[string][]byte

func newConfigExport(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export DIR",
		Short: "Write organizations, roles, applications and more into files, for review and promotion",
		Long: `Write the configuration of every organization you may see (--org for one) into a folder, a readable
file for each thing, and without --org the platform's list of networks, which only a platform administrator
may see. Keys, users, secrets and networks that are denied for a time are never in it. A file of an earlier
export whose thing is gone is removed.`,
		Example: "  daypass config export ./configuration\n  daypass config export ./configuration --org acme && git diff",
		Args:    args("DIR"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			now, err := readServer(cmd.Context(), client.API(), c.settings.Org)
			if err != nil {
				return err
			}
			if _, seen := now[platformFile]; !seen && c.settings.Org == "" {
				c.note("%s %s is left out: only a platform administrator may see it", c.paint.yellow("!"), platformFile)
			}
			written, removed, err := now.save(arguments[0])
			if err != nil {
				return err
			}
			return c.show(map[string][]string{"files": slices.Sorted(maps.Keys(now)), "written": written, "removed": removed}, func() {
				c.say("%s %s: %d files, %d of them changed, %d removed", c.paint.green("✓"), line(arguments[0]), len(now), len(written), len(removed))
			})
		},
	}
	addClientFlags(c, cmd)
	return cmd
}

func newConfigImport(c *cli) *cobra.Command {
	var dryRun, prune bool
	cmd := &cobra.Command{
		Use:   "import DIR",
		Short: "Make the server's configuration what the files say",
		Long: `Make the server's configuration what the files of 'config export' say, at once, and show what was changed;
--dry-run shows it and changes nothing. All files are checked before anything is changed. What is the same is
not touched, so that importing twice changes nothing the second time. What the files do not mention stays,
unless --prune says to delete it. Networks that are denied for a time are left alone.`,
		Example: "  daypass config import ./configuration --dry-run\n  daypass config import ./configuration --org acme --prune",
		Args:    args("DIR"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			client, err := c.client()
			if err != nil {
				return err
			}
			wanted, err := c.loadTree(arguments[0], c.settings.Org)
			if err != nil {
				return err
			}
			now, err := readServer(cmd.Context(), client.API(), c.settings.Org)
			if err != nil {
				return err
			}
			if err := wanted.fits(now); err != nil {
				return err
			}
			steps := plan(now, wanted, prune)
			if !dryRun {
				if err := apply(cmd.Context(), client.API(), wanted, steps); err != nil {
					return err
				}
			}
			return c.showSteps(steps, dryRun)
		},
	}
	addClientFlags(c, cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show the differences and change nothing")
	cmd.Flags().BoolVar(&prune, "prune", false, "delete what the files do not mention, in the organizations they do")
	return cmd
}

// readServer makes a tree of what the server has.
func readServer(ctx context.Context, client *api.Client, only string) (tree, error) {
	orgs, _, err := listOrganizations(ctx, client, 0)
	if err != nil {
		return nil, err
	}
	now := tree{}
	for _, org := range orgs {
		if only != "" && org.Slug != only {
			continue
		}
		text, err := readOrganization(ctx, client, &org)
		if err != nil {
			return nil, err
		}
		now[path.Join(organizationsFolder, org.Slug, organizationFile)] = text
		for _, p := range parts {
			texts, err := p.read(ctx, client, org.Slug)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.folder, err)
			}
			for name, text := range texts {
				now[path.Join(organizationsFolder, org.Slug, p.folder, name+extension)] = text
			}
		}
	}
	if only == "" {
		text, err := readPlatformNetworks(ctx, client)
		if err != nil {
			return nil, err
		}
		if text != nil {
			now[platformFile] = text
		}
	}
	return now, nil
}

// fits refuses what cannot be made of the server as it is.
func (t tree) fits(now tree) error {
	if _, is := t[platformFile]; is && now[platformFile] == nil {
		return failed("role_missing", "%s: only a platform administrator may see and change this", platformFile).
			advising("--org imports one organization, without it")
	}
	var wrong []string
	for _, at := range slices.Sorted(maps.Keys(t)) {
		p, _ := placeOf(at)
		if p.part == nil || p.part.folder != "applications" && p.part.folder != "shadows" {
			continue
		}
		file := path.Join(organizationsFolder, p.org, "applications", p.name+extension)
		enforced, is := t[file]
		if !is {
			enforced = now[file]
		}
		switch before := now[file]; {
		case p.part.folder == "shadows" && (enforced == nil || inShadowMode(enforced)):
			wrong = append(wrong, at+": there is no enforced file that it could be tried beside; put it into applications/")
		case p.part.folder == "applications" && inShadowMode(enforced) && before != nil && !inShadowMode(before):
			wrong = append(wrong, at+": the server enforces a file of this application, so that one in shadow mode goes into shadows/")
		}
	}
	if len(wrong) > 0 {
		return failed("invalid_configuration", "nothing was changed:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}

// loadTree reads a folder, and refuses it as a whole if anything in it is wrong.
func (c *cli) loadTree(dir, only string) (tree, error) {
	wanted := tree{}
	var wrong []string
	read := func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		at := filepath.ToSlash(relative)
		place, ok := placeOf(at)
		if !ok {
			wrong = append(wrong, at+": this is no file of an export; take it away, or see 'daypass config export'")
			return nil
		}
		if only != "" && place.org != only {
			return nil
		}
		text, err := c.readUpTo(name, maxConfiguration)
		if err != nil {
			return err
		}
		if wanted[at], err = place.check(text); err != nil {
			wrong = append(wrong, at+": "+safeText(err))
		}
		return nil
	}
	err := filepath.WalkDir(filepath.Join(dir, organizationsFolder), read)
	if err == nil {
		if err = filepath.WalkDir(filepath.Join(dir, platformFolder), read); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, failed("file", "%s has no folder %q; 'daypass config export %s' makes one", dir, organizationsFolder, dir)
	case err != nil:
		return nil, failed("file", "%v", err)
	case len(wrong) > 0:
		return nil, failed("invalid_configuration", "nothing was changed:\n%s", strings.Join(wrong, "\n"))
	case len(wanted) == 0:
		return nil, failed("file", "there is no configuration in %s", dir)
	}
	return wanted, nil
}

func safeText(err error) string {
	var inside *access.Error
	if errors.As(err, &inside) {
		return inside.Message
	}
	return err.Error()
}

// place is what a file of the tree stands for.
type place struct {
	org  string // empty: the platform
	part *part  // nil: the organization itself
	name string
}

func placeOf(at string) (place, bool) {
	if at == platformFile {
		return place{part: &platformNetworks}, true
	}
	names := strings.Split(at, "/")
	if len(names) < 3 || names[0] != organizationsFolder || !access.ValidSlug(names[1]) {
		return place{}, false
	}
	if len(names) == 3 && names[2] == organizationFile {
		return place{org: names[1]}, true
	}
	i := slices.IndexFunc(parts, func(p part) bool { return p.folder == names[2] })
	if i < 0 || len(names) != 4 {
		return place{}, false
	}
	name, ok := strings.CutSuffix(names[3], extension)
	return place{names[1], &parts[i], name}, ok && name != ""
}

// check refuses a text that is wrong, and writes it as an export would, so that only what it says is compared.
func (p place) check(text []byte) ([]byte, error) {
	if p.part != nil {
		return p.part.check(p.org, p.name, text)
	}
	file, err := organizationIn(text)
	if err != nil {
		return nil, err
	}
	slices.Sort(file.Disabled)
	return asYAML(file)
}

func strictYAML(text []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	return decoder.Decode(into)
}

// save writes the tree into a folder, only where it differs, and removes the files of things that are gone.
func (t tree) save(dir string) (written, removed []string, err error) {
	written, removed = []string{}, []string{}
	for _, at := range slices.Sorted(maps.Keys(t)) {
		name := filepath.Join(dir, filepath.FromSlash(at))
		if before, err := os.ReadFile(name); err == nil && bytes.Equal(before, t[at]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, nil, failed("file", "%v", err)
		}
		if err := os.WriteFile(name, t[at], 0o644); err != nil {
			return nil, nil, failed("file", "%v", err)
		}
		written = append(written, at)
	}
	for _, org := range t.organizations() {
		for _, p := range parts {
			files, err := filepath.Glob(filepath.Join(dir, organizationsFolder, org, p.folder, "*"+extension))
			if err != nil {
				return nil, nil, err
			}
			for _, name := range files {
				at := path.Join(organizationsFolder, org, p.folder, filepath.Base(name))
				if _, is := t[at]; is {
					continue
				}
				if err := os.Remove(name); err != nil {
					return nil, nil, failed("file", "%v", err)
				}
				removed = append(removed, at)
			}
		}
	}
	return written, removed, nil
}

func (t tree) organizations() []string {
	var orgs []string
	for at := range t {
		if p, ok := placeOf(at); ok && p.org != "" && !slices.Contains(orgs, p.org) {
			orgs = append(orgs, p.org)
		}
	}
	slices.Sort(orgs)
	return orgs
}

// step is one difference.
type step struct {
	Action string `json:"action"` // create, change or delete
	File   string `json:"file"`
	Diff   string `json:"diff"`

	before, after []byte // nil: not there
	place         place
}

// plan lists what must be done to get from one tree to another: organizations first, then their parts in order; what is
// deleted is deleted last and in the opposite order.
func plan(now, wanted tree, prune bool) []step {
	var steps []step
	for _, at := range slices.Sorted(maps.Keys(wanted)) {
		before, is := now[at]
		if is && bytes.Equal(bytes.TrimSpace(before), bytes.TrimSpace(wanted[at])) {
			continue
		}
		p, _ := placeOf(at)
		s := step{Action: "create", File: at, Diff: difference(at, before, wanted[at]), before: before, after: wanted[at], place: p}
		if is {
			s.Action = "change"
		}
		steps = append(steps, s)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.place.rank(), b.place.rank()) })
	if !prune {
		return steps
	}
	var ends []step
	orgs := wanted.organizations()
	for _, at := range slices.Sorted(maps.Keys(now)) {
		p, _ := placeOf(at)
		if _, stays := wanted[at]; stays || p.part == nil || !slices.Contains(orgs, p.org) {
			continue
		}
		ends = append(ends, step{Action: "delete", File: at, Diff: difference(at, now[at], nil), before: now[at], place: p})
	}
	slices.SortStableFunc(ends, func(a, b step) int { return cmp.Compare(b.place.rank(), a.place.rank()) })
	return append(steps, ends...)
}

func (p place) rank() int {
	return slices.IndexFunc(parts, func(q part) bool { return p.part != nil && p.part.folder == q.folder })
}

func difference(at string, before, after []byte) string {
	return string(diff.Diff("server/"+at, before, "files/"+at, after))
}

// apply does the steps in their order and stops at the first that fails. What was done before it is done: importing again
// goes on from there. What is to be off is off in either case.
func apply(ctx context.Context, client *api.Client, wanted tree, steps []step) error {
	var orgs []string
	var failure *trouble
	for i, s := range steps {
		if org := s.place.org; org != "" && !slices.Contains(orgs, org) {
			orgs = append(orgs, org)
		}
		if err := s.apply(ctx, client, wanted); err != nil {
			t := *explainTrouble(err)
			t.Message = fmt.Sprintf("%s: %s\n%d of %d changes were made before it; importing again goes on from there", s.File, t.Message, i, len(steps))
			failure = &t
			break
		}
	}
	for _, org := range orgs {
		file, err := wanted.organization(org)
		if file == nil || err != nil {
			continue // not in the files, which were all read before
		}
		if err = settleOrganization(ctx, client, org, file, failure != nil); err == nil {
			continue
		}
		t := *explainTrouble(err)
		t.Message = fmt.Sprintf("organization %s: what is off in the files could not be switched off: %s", org, t.Message)
		if failure != nil {
			t.Message = failure.Message + "\n" + t.Message
		}
		failure = &t
	}
	if failure != nil {
		return failure
	}
	return nil
}

func (s *step) apply(ctx context.Context, client *api.Client, wanted tree) error {
	p := s.place
	if p.part == nil {
		return openOrganization(ctx, client, p.org, s.after)
	}
	e := &edit{client, p.org, p.name, s.before, s.after}
	if s.after == nil {
		return p.part.remove(ctx, e)
	}
	if err := p.part.write(ctx, e); err != nil || p.part.folder != "applications" || s.before != nil {
		return err
	}
	// What is new and to be off does not serve while the rest is made.
	file, err := wanted.organization(p.org)
	if err != nil || file == nil || !slices.Contains(file.Disabled, p.name) {
		return err
	}
	return setApplicationActive(ctx, client, p.org, p.name, false)
}

// organization is an organization's file, nil if the tree has none.
func (t tree) organization(slug string) (*organizationYAML, error) {
	text, is := t[path.Join(organizationsFolder, slug, organizationFile)]
	if !is {
		return nil, nil
	}
	return organizationIn(text)
}

func (c *cli) showSteps(steps []step, dryRun bool) error {
	return c.show(map[string]any{"dry_run": dryRun, "changes": slices.Concat([]step{}, steps)}, func() {
		for _, s := range steps {
			c.sayDiff(s.Diff)
		}
		switch {
		case len(steps) == 0:
			c.say("%s the server is as the files say", c.paint.green("✓"))
		case dryRun:
			c.say("%d to change; nothing was changed", len(steps))
		default:
			c.say("%s %d changed; the gate has applied them", c.paint.green("✓"), len(steps))
		}
	})
}

// organizationYAML is an organization's file.
type organizationYAML struct {
	Name     string   `yaml:"name"`
	Active   bool     `yaml:"active"` // unless it says otherwise
	Disabled []string `yaml:"disabled_applications,omitempty"`
}

func organizationIn(text []byte) (*organizationYAML, error) {
	file := organizationYAML{Active: true}
	err := strictYAML(text, &file)
	return &file, err
}

func readOrganization(ctx context.Context, client *api.Client, org *api.Organization) ([]byte, error) {
	apps, _, err := listApplications(ctx, client, org.Slug, 0)
	if err != nil {
		return nil, err
	}
	file := organizationYAML{Name: org.Name, Active: org.Active}
	for _, a := range apps {
		if !a.Active {
			file.Disabled = append(file.Disabled, a.Slug)
		}
	}
	slices.Sort(file.Disabled)
	return asYAML(file)
}

func asYAML(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := errors.Join(encoder.Encode(v), encoder.Close())
	return out.Bytes(), err
}

// openOrganization makes an organization ready for its parts: it is there and has its name. One that is new and to be off is
// off at once.
func openOrganization(ctx context.Context, client *api.Client, slug string, text []byte) error {
	file, err := organizationIn(text)
	if err != nil {
		return err
	}
	org, err := daypass.Answer[api.Organization](client.GetOrganization(ctx, slug))
	created := errors.Is(err, &daypass.Error{Code: "not_found"})
	if created {
		org, err = daypass.Answer[api.Organization](client.CreateOrganization(ctx, nil, api.OrganizationCreate{Slug: slug, Name: &file.Name}))
	}
	if err != nil {
		return err
	}
	var change api.OrganizationUpdate
	if org.Name != file.Name {
		change.Name = &file.Name
	}
	if created && !file.Active {
		change.Active = &file.Active
	}
	if change == (api.OrganizationUpdate{}) {
		return nil
	}
	return daypass.Done(client.UpdateOrganization(ctx, slug, nil, change))
}

// settleOrganization switches off what is to be off, and on what is to be on, once all parts are there. Where they are not,
// it only switches off.
func settleOrganization(ctx context.Context, client *api.Client, slug string, file *organizationYAML, onlyOff bool) error {
	org, err := daypass.Answer[api.Organization](client.GetOrganization(ctx, slug))
	if onlyOff && errors.Is(err, &daypass.Error{Code: "not_found"}) {
		return nil
	}
	if err != nil {
		return err
	}
	apps, _, err := listApplications(ctx, client, slug, 0)
	if err != nil {
		return err
	}
	for _, a := range apps {
		active := !slices.Contains(file.Disabled, a.Slug)
		if a.Active == active || active && onlyOff {
			continue
		}
		if err := setApplicationActive(ctx, client, slug, a.Slug, active); err != nil {
			return err
		}
	}
	if org.Active == file.Active || file.Active && onlyOff {
		return nil
	}
	return daypass.Done(client.UpdateOrganization(ctx, slug, nil, api.OrganizationUpdate{Active: &file.Active}))
}

func setApplicationActive(ctx context.Context, client *api.Client, org, app string, active bool) error {
	return daypass.Done(client.UpdateApplication(ctx, org, app, nil, api.ApplicationUpdate{Active: active}))
}

// roleYAML is a role's file.
type roleYAML struct {
	Scopes  []string `yaml:"scopes"`
	Comment string   `yaml:"comment,omitempty"`
}

func readRoles(ctx context.Context, client *api.Client, org string) (map[string][]byte, error) {
	roles, _, err := listRoles(ctx, client, org, 0)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for _, r := range roles {
		if r.Builtin {
			continue
		}
		if texts[r.Name], err = asYAML(roleYAML{slices.Sorted(slices.Values(r.Scopes)), r.Comment}); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func checkRole(_, name string, text []byte) ([]byte, error) {
	var role roleYAML
	if err := strictYAML(text, &role); err != nil {
		return nil, err
	}
	if !access.ValidRoleName(name) {
		return nil, fmt.Errorf("%q is no name of a role", name)
	}
	for _, s := range role.Scopes {
		if _, err := scope.Parse(s); err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
	}
	slices.Sort(role.Scopes)
	return asYAML(role)
}

func writeRole(ctx context.Context, e *edit) error {
	var role roleYAML
	if err := strictYAML(e.after, &role); err != nil {
		return err
	}
	return daypass.Done(e.client.PutRole(ctx, e.org, e.name, nil, api.RolePut{Scopes: role.Scopes, Comment: &role.Comment}))
}

func removeRole(ctx context.Context, e *edit) error {
	return daypass.Done(e.client.DeleteRole(ctx, e.org, e.name, nil))
}
