package catalog

import (
	"bytes"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ResourceFile writes a resource file with the resources of the document. All
// else is taken over from current, a file that [ParseDocument] accepted, comments
// included; nil: there is none. A resource that was there with the same match
// keeps the fields that OpenAPI has no word for. Upstream, if it is not empty, is
// written in any case; else that of the document, if current names none. Warnings
// become comments.
func (a *OpenAPI) ResourceFile(current []byte, application, upstream string) ([]byte, error) {
	root := &yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	if current != nil {
		if bytes.HasPrefix(bytes.TrimSpace(current), []byte("{")) {
			var err error
			if current, err = ToYAML(current); err != nil {
				return nil, err
			}
		}
		root = new(yaml.Node)
		if err := yaml.Unmarshal(current, root); err != nil {
			return nil, err
		}
	}
	file := root.Content[0]
	if application != "" {
		setField(file, "application", yamlText(application))
	}
	if a.Organization != "" && current == nil {
		setField(file, "organization", yamlText(a.Organization))
	}
	if a.Prefix != "" {
		setField(file, "prefix", yamlText(a.Prefix))
	}
	if upstream == "" && fieldOf(file, "upstream") == nil {
		upstream = a.Upstream
	}
	if upstream != "" {
		setField(file, "upstream", yamlText(upstream))
	}
	resources := a.resourceNodes(fieldOf(file, "resources"))
	resources.HeadComment = ""
	setField(file, "resources", resources)
	if current == nil {
		root.HeadComment = a.headComment()
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

func (a *OpenAPI) headComment() string {
	title := strings.TrimSpace(a.Title + " " + a.Version)
	if title == "" {
		title = "an API"
	}
	lines := []string{"# From the OpenAPI document of " + title + "."}
	for _, w := range a.Warnings {
		if w.Operation == "" && len(lines) <= maxProblems {
			lines = append(lines, "# - "+commentText(w.Message))
		}
	}
	return strings.Join(lines, "\n")
}

// commentText makes text of a document fit for one line of a comment.
func commentText(s string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, s))
	const most = 300
	if len(runes) > most {
		runes = append(runes[:most], '…')
	}
	return string(runes)
}

func (a *OpenAPI) resourceNodes(current *yaml.Node) *yaml.Node {
	kept := map[string]*yaml.Node{}
	if current != nil {
		for _, r := range current.Content {
			if match := fieldOf(r, "match"); match != nil {
				kept[match.Value] = r
			}
		}
	}
	out := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range a.Resources {
		n := resourceNode(&a.Resources[i], kept[a.Resources[i].Match])
		var lines []string
		for _, remark := range a.remarks[i] {
			lines = append(lines, "# "+commentText(remark))
		}
		n.HeadComment = strings.Join(lines, "\n")
		out.Content = append(out.Content, n)
	}
	if len(out.Content) == 0 {
		out.Style = yaml.FlowStyle
	}
	return out
}

// fromOpenAPI are the fields of a resource that an OpenAPI document decides.
var fromOpenAPI = []string{"match", "access", "require", "comment"}

func resourceNode(r *Resource, current *yaml.Node) *yaml.Node {
	if require := fieldOf(current, "require"); require != nil && !r.Public {
		stricter := *r // a document that does not say it does not take it back
		stricter.SenderKey = r.SenderKey || saysTrue(require, "sender_key")
		stricter.Signature = r.Signature || saysTrue(require, "signature")
		r = &stricter
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	setField(n, "match", yamlText(r.Match))
	switch {
	case r.Public:
		setField(n, "access", yamlText("public"))
	case len(r.Scopes) == 0 && len(r.Roles) == 0 && !r.SenderKey && !r.Signature:
		setField(n, "access", yamlText("authenticated"))
	default:
		setField(n, "require", requireNode(r))
	}
	if current != nil {
		for i := 0; i+1 < len(current.Content); i += 2 {
			if !slices.Contains(fromOpenAPI, current.Content[i].Value) {
				setField(n, current.Content[i].Value, current.Content[i+1])
			}
		}
	}
	if r.PassToken {
		removeField(n, "bearer_token")
		setField(n, "pass_token", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	if r.PassCookies {
		setField(n, "pass_cookies", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	if said := fieldOf(current, "comment"); said != nil && r.Comment == "" {
		setField(n, "comment", said)
	} else if r.Comment != "" {
		setField(n, "comment", yamlText(r.Comment))
	}
	return n
}

func requireNode(r *Resource) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	if len(r.Scopes) > 0 {
		scopes := &yaml.Node{Kind: yaml.SequenceNode}
		for _, s := range r.Scopes {
			scopes.Content = append(scopes.Content, yamlText(s.String()))
		}
		setField(n, "scopes", scopes)
	}
	if len(r.Roles) > 0 {
		roles := &yaml.Node{Kind: yaml.SequenceNode}
		for _, role := range r.Roles {
			roles.Content = append(roles.Content, yamlText(role))
		}
		setField(n, "roles", roles)
		if r.InAccount {
			setField(n, "in", yamlText("account"))
		}
	}
	if r.SenderKey {
		setField(n, "sender_key", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	if r.Signature {
		setField(n, "signature", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	return n
}

func saysTrue(n *yaml.Node, name string) bool {
	said := fieldOf(n, name)
	return said != nil && said.Value == "true"
}

func yamlText(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// fieldOf is the value of a field of a YAML mapping, or nil.
func fieldOf(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func setField(n *yaml.Node, name string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, yamlText(name), value)
}

func removeField(n *yaml.Node, name string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}
