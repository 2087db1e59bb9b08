package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the build: -X main.version=v1.2.3.
var version string

// versionCommand is the subcommand that prints the version.
type versionCommand struct{}

// Run prints it.
func (versionCommand) Run() error {
	fmt.Printf("snug %s (%s, %s/%s)\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// release is the version of this build: what the build was told, else what Go
// knows of the commit.
func release() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "dev-" + s.Value[:min(len(s.Value), 12)]
		}
	}
	return "dev"
}
