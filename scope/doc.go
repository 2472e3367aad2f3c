// Package scope owns the scope language of Daypass: what a scope may look
// like, which concrete scopes a pattern matches, and whether the patterns
// somebody asks for lie within the patterns somebody holds.
//
// # Grammar
//
//	scope   = segment *( ":" segment )            ; 1 to 256 bytes in all
//	segment = 1*( ALPHA / DIGIT / "_" / "." / "-" / "*" )
//
// A scope without "*" is concrete: it names one permission. "*" stands for any
// run of characters, also an empty one, also across ":". Nothing else has a
// meaning: "." is a dot, case matters, and there is no negation, no
// alternation, no class and no escape. Text outside the grammar ("!", "?",
// "{}", "[]", "()", quotes, blanks, control and non-ASCII characters) is
// refused when it is parsed, so that no later reader can give it a meaning of
// its own.
//
// # Inclusion
//
// [Set.Includes] decides language inclusion: every concrete scope the ask
// matches must be matched by the set. Globs make that simple, and it needs no
// automaton, because of two facts about a held pattern q and an ask p.
//
//   - The wildcard of p is a byte that no literal of q contains. So if q
//     matches the text of p, every "*" of p is swallowed by a "*" of q; writing
//     any other run in its place leaves the match standing. Hence p lies within
//     q: the answer "yes" is always right.
//   - Let c be a character other than ":" that no held pattern spells out, and
//     write c for every "*" of p. The result is a concrete scope that p matches.
//     A held q that matches it must swallow each c with a "*" of its own, so q
//     matches the text of p. Hence, where no q does, that scope is one the ask
//     covers and the whole union does not: the answer "no" is right, and c
//     gives the witness.
//
// Only a set that spells out all 65 characters of a segment can cover an ask
// jointly and not by one of its patterns (as "a", "a:*", "aA*", "aB*", …
// through the whole alphabet cover "a*"). Such an ask is refused: deciding it
// in general is exponential in the number of patterns, refusing is the safe
// side, and holding "a*" says the same.
//
// # What it refuses
//
// It knows nothing of keys, roles or tokens, reads no JSON, and depends on the
// standard library alone. Matching and inclusion take time linear in the
// lengths of pattern and scope and allocate nothing, so neither can be turned
// into a way to keep a server busy.
package scope
