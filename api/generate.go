package api

import _ "embed"

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-types.yaml openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-server.yaml openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config oapi-client.yaml openapi.yaml

// Document is openapi.yaml, the OpenAPI 3.1 description of everything the public listener answers. It must not be changed.
//
//go:embed openapi.yaml
var Document []byte
