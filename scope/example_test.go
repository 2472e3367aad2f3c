package scope_test

import (
	"fmt"

	"github.com/daypass/daypass/scope"
)

func ExampleParse() {
	_, err := scope.Parse("!Mutation:Person:Delete")
	fmt.Println(err)
	// Output: scope "!Mutation:Person:Delete", byte 0: character '!' is not allowed; use letters, digits, "_", ".", "-", ":" and "*"
}

func ExamplePattern_Match() {
	create := scope.MustParse("Mutation:*:Create")
	fmt.Println(create.Match("Mutation:Person:Create"))
	fmt.Println(create.Match("Mutation:Person:Delete"))
	// Output:
	// true
	// false
}

func ExampleSet_IncludesSet() {
	held, _ := scope.ParseList("photos:read Mutation:*")
	ask, _ := scope.ParseSet([]string{"Mutation:Person:*", "photos:*"})
	missing, ok := held.IncludesSet(ask)
	fmt.Println(ok, missing)
	witness, _ := held.ExplainIncludes(missing)
	fmt.Println("for example", witness)
	// Output:
	// false photos:*
	// for example photos:other
}

func ExampleSet_Explain() {
	held, _ := scope.ParseList("photos:read Mutation:*:Create")
	fmt.Println(held.Explain("Mutation:Person:Create"))
	fmt.Println(held.Explain("Mutation:Person:Delete"))
	// Output:
	// Mutation:Person:Create is covered by Mutation:*:Create
	// Mutation:Person:Delete is not covered: the nearest held scope, Mutation:*:Create, agrees up to "Mutation:" and then needs ":Create" at the end
}
