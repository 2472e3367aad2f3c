package catalog

import "strings"

// Names are the root fields in one text: "Mutation.CreatePerson Mutation.MovePerson".
func (op *Operation) Names() string {
	var text strings.Builder
	for i := range op.Fields {
		if i > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(op.Fields[i].FullName())
	}
	return text.String()
}

// OperationOf is an operation of these root fields, as [Operation.Names] writes
// them, to be judged by [GraphQL.Fields]; nil if the text is empty or not of that
// form. It has no Text and cannot be sent on.
func OperationOf(names string) *Operation {
	fields := fieldCollector{seen: map[fieldName]bool{}}
	for text := range strings.FieldsSeq(names) {
		parts := rootFieldPattern.FindStringSubmatch(text)
		if parts == nil {
			return nil
		}
		fields.add(fieldName{OperationKind(strings.ToLower(parts[1])), parts[2]})
	}
	if len(fields.list) == 0 {
		return nil
	}
	return &Operation{Kind: fields.list[0].Kind, Fields: fields.list}
}
