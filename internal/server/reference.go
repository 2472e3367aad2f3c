package server

import "strings"

//go:generate go test . -run ^TestConfigurationReference$ -update

const referenceHead = "# Configuration\n" + `
Every setting of ¬daypass serve¬ is a flag, an environment variable and a key of the configuration file (YAML; ¬--config¬ or
¬DAYPASS_CONFIG¬). A flag wins over the environment, the environment over the file. A secret has no flag, because others on the
machine can see those; its variable also exists with ¬_FILE¬ at the end, naming a file to read it from. ¬daypass config check¬
names every wrong or unknown key, and a server with one does not start.

Durations are written ¬90s¬, ¬15m¬, ¬24h¬. Lists are written ¬[a, b]¬ in the file and ¬a,b¬ elsewhere. A key with a dot is nested in the
file: ¬audit: { mode: strict }¬.

This page is made from the code: ¬daypass config reference --markdown¬.

| Key of the file | Flag | Environment | Type | Default | |
|---|---|---|---|---|---|
`

// ReferenceMarkdown is [Reference] as the page of the documentation: docs/configuration.md.
func ReferenceMarkdown() string {
	var page strings.Builder
	page.WriteString(strings.ReplaceAll(referenceHead, "¬", "`"))
	for _, s := range Reference() {
		flag := s.Flag
		if s.Secret {
			flag = ""
		}
		cells := []string{quoted(s.Key), quoted(flag), quoted(s.Env), s.Type, quoted(s.Default), strings.ReplaceAll(s.Help, "|", `\|`)}
		page.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return page.String()
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
