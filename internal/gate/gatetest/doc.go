// Package gatetest reads the decision cases that every door must agree on.
//
// A case file is a txtar archive (golang.org/x/tools/txtar) with these parts:
//
//	ORG/APP.yaml   the resource file of an application; $UPSTREAM in it stands
//	               for the upstream the test provides. Organization, application
//	               and other ids are made of the names: org_acme, app_acme_photos
//	view.json      [ViewFacts]: now, and what the view knows
//	tokens.json    an object of [Token] by name
//	requests       one request and its verdict in each line
//
// A line of requests reads
//
//	METHOD TARGET [host=H] [from=ADDRESS] [token=NAME] [app=ORG/APP] [graphql=TEXT] => REASON STATUS [missing=TEXT] [revoked=TEXT] [field=NAME] [anonymous]
//
// Target is sent as it stands. Host is localhost and from is 192.0.2.7 where
// they are not given. A token named garbled is text that no one can read. The
// reason bad_path is given where the target must be refused before it is decided
// on; missing=, whose value may hold blanks as "+", is the scope or roles that
// were named, revoked= the reason of a revocation, and field= a GraphQL field. The
// value of graphql= is a document, whose blanks may be written as "+". Where a request with a
// token is allowed, the upstream must be told the identity written with the
// token, or none if the line says anonymous.
//
// To run the cases through a door:
//
//	for _, suite := range gatetest.Load(t, "../gate/testdata", upstream.URL) {
//		g := suite.Gate()          // its clock stands at suite.Now
//		for _, c := range suite.Cases {
//			// send c.Method c.Target with Host c.Host, from c.From, with
//			// "Authorization: Bearer " + c.Bearer unless that is empty, and
//			// compare with c.Want
//		}
//	}
//
// The cases of GraphQL are in the folder graphql beside the others, for the doors
// that read bodies: c.Query is to be sent as one.
//
// A case with Application set can only be put to a door that is told the
// application beforehand.
package gatetest
