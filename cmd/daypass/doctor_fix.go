package main

// topic is a way in which a proxy may be unsafe.
type topic int

const (
	notAsked       topic = iota // requests that Daypass was not asked about
	noDecision                  // Daypass does not answer the proxy, or does not believe it
	passNotTold                 // Daypass is not told the pass
	pathChanged                 // Daypass is told another path than the client sent, or than the API gets
	headerBelieved              // what a client writes into a header changes the decision
	twoCredentials              // one of two passes is picked
	identityForged              // the API gets identity headers of the client's
	identityLost                // a client can take identity headers away
	aliasPassed                 // the API gets header names that it may take for others
	claimPassed                 // the API gets forwarding or method headers of the client's
	upgradePassed               // a connection can become one for unseen requests
)

// fixes name the directive that mends a topic, for each proxy.
var fixes = map[topic]map[string]string{
	notAsked: {
		"nginx":   "'auth_request /_daypass;' belongs into every location that passes on requests; one location without it is open to all",
		"caddy":   "put 'forward_auth' before 'reverse_proxy' in the same 'route', and no 'handle' beside it that serves this path",
		"haproxy": "send every request of the frontend to Daypass's gateway: 'default_backend gateways', and no 'use_backend' past it",
		"traefik": "name the forwardAuth middleware in 'middlewares' of every router that serves this host",
		"envoy":   "put the filter envoy.filters.http.ext_authz before envoy.filters.http.router, and no 'disabled: true' of ExtAuthzPerRoute on this route",
	},
	noDecision: {
		"nginx":   "start Daypass with nginx's address in --trusted-proxies; then check 'proxy_pass' in 'location = /_daypass'",
		"caddy":   "start Daypass with Caddy's address in --trusted-proxies; then check the address of 'forward_auth'",
		"haproxy": "check that Daypass's gateway listens where the 'server' lines say, and that /readyz answers their 'check'",
		"traefik": "start Daypass with Traefik's address in --trusted-proxies; then check 'forwardAuth.address'",
		"envoy":   "start Daypass with --extauthz and Envoy's address in --trusted-proxies; then check the cluster of 'grpc_service' and its 'timeout'",
	},
	passNotTold: {
		"nginx":   "'proxy_set_header Authorization $http_authorization;' in 'location = /_daypass'",
		"caddy":   "no 'request_header -Authorization' before 'forward_auth'",
		"haproxy": "no 'http-request del-header authorization'",
		"traefik": "'authRequestHeaders' of forwardAuth leaves Authorization out; take the option away",
		"envoy":   "'allowed_headers' of ext_authz leaves authorization out; take the option away",
	},
	pathChanged: {
		"nginx":   "'proxy_set_header X-Original-URI $request_uri;' in 'location = /_daypass', never $uri; 'proxy_pass http://api;' without a path; no 'rewrite'",
		"caddy":   "no 'uri', 'rewrite' or 'handle_path' in the 'route' beside the 'uri' of forward_auth itself",
		"haproxy": "no 'http-request set-path', 'set-uri', 'replace-path' or 'normalize-uri'",
		"traefik": "no middleware that changes the path (stripPrefix, replacePath, addPrefix) behind forwardAuth",
		"envoy":   "'normalize_path', 'merge_slashes' and 'path_with_escaped_slashes_action' belong to the connection manager, before ext_authz; no 'prefix_rewrite' or 'regex_rewrite' on the route",
	},
	headerBelieved: {
		"nginx":   "'proxy_pass_request_headers off;' in 'location = /_daypass', and X-Original-Method, X-Original-URI, X-Forwarded-Host and X-Forwarded-For set from $request_method, $request_uri, $http_host and $remote_addr",
		"caddy":   "'request_header -*Forwarded*' and '-X-Original-*' before 'forward_auth'; no 'trusted_proxies' that clients are in",
		"haproxy": "'http-request del-header X-Forwarded -m beg' and 'http-request set-header X-Forwarded-For %[src]'",
		"traefik": "'trustForwardHeader: false', and no 'forwardedHeaders.insecure' on the entry point",
		"envoy":   "'use_remote_address: true', and 'xff_num_trusted_hops' only for proxies that are there",
	},
	twoCredentials: {
		"nginx":   "nginx 1.21.1 or later, and 'proxy_set_header Authorization $http_authorization;' in 'location = /_daypass'",
		"caddy":   "no 'header_up Authorization' in 'forward_auth'",
		"haproxy": "no rule that sets the header 'authorization'",
		"traefik": "take 'authRequestHeaders' of forwardAuth away",
		"envoy":   "'encode_raw_headers: true' in ext_authz, so that both are told",
	},
	identityForged: {
		"nginx":   "'proxy_pass_request_headers off;' in the location, and all six 'proxy_set_header X-Daypass-… $daypass_…;'",
		"caddy":   "'request_header -X-Daypass-*' before 'forward_auth', and all six names in 'copy_headers'",
		"haproxy": "send requests to Daypass's gateway, which removes them, and not to the API",
		"traefik": "\"authResponseHeadersRegex: '^X-Daypass-'\" in forwardAuth",
		"envoy":   "no 'decoder_header_mutation_rules' in ext_authz that keep it from setting x-daypass-…",
	},
	identityLost: {
		"nginx":   "all six 'auth_request_set' and 'proxy_set_header X-Daypass-… $daypass_…;' in the location",
		"caddy":   "all six names in 'copy_headers', and 'header_up X-Daypass-… {http.request.header.X-Daypass-…}' in 'reverse_proxy'",
		"haproxy": "send requests to Daypass's gateway, which sets them",
		"traefik": "\"authResponseHeadersRegex: '^X-Daypass-'\" in forwardAuth, and a Traefik that removes what Connection names before it asks (3.1.3 or later)",
		"envoy":   "no 'request_headers_to_remove' of x-daypass-… on the route",
	},
	aliasPassed: {
		"nginx":   "'underscores_in_headers off;' and 'ignore_invalid_headers on;' in http",
		"caddy":   "'request_header -*_*' before 'forward_auth'",
		"haproxy": "'option http-restrict-req-hdr-names reject' in the frontend",
		"traefik": "'aliasHeadersStrategy: reject' under 'http' of the entry point (3.7.12 or later)",
		"envoy":   "'headers_with_underscores_action: REJECT_REQUEST' in 'common_http_protocol_options'",
	},
	claimPassed: {
		"nginx":   "'proxy_pass_request_headers off;' in the location, with 'proxy_set_header' for each header that the API may have",
		"caddy":   "a 'request_header -…' for this name before 'forward_auth'",
		"haproxy": "send requests to Daypass's gateway, which removes them, and not to the API",
		"traefik": "a 'headers' middleware with an empty value for this name in 'customRequestHeaders'",
		"envoy":   "take 'allowed_headers' of ext_authz away, so that Daypass sees the header and has it removed",
	},
	upgradePassed: {
		"nginx":   "'proxy_set_header Upgrade $upgrade;' with the 'map' that knows websocket alone",
		"caddy":   "'request_header @other_upgrade -Upgrade' before 'forward_auth'",
		"haproxy": "'http-request deny' for an Upgrade that is not websocket",
		"traefik": "the router's rule must leave out an Upgrade that is not websocket",
		"envoy":   "'upgrade_configs' with websocket alone",
	},
}
