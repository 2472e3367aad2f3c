package catalog

// AnyPublic reports whether some operation may do without a pass. Where none may,
// a request without a good one need not be read.
func (g *GraphQL) AnyPublic() bool {
	if g.introspection.Public {
		return true
	}
	for _, rule := range g.rules {
		if rule.Public {
			return true
		}
	}
	for _, field := range g.fields {
		if field.Public {
			return true
		}
	}
	return false
}
