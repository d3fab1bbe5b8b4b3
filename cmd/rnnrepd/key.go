package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"rnnrep/server"
)

// newKey makes API keys: the server keeps the line, the client the key.
func newKey(a *app) *cobra.Command {
	var scopes string
	c := &cobra.Command{
		Use:   "key NAME",
		Short: "Make an API key: the key for the client, the line for the file of --keys",
		Args:  arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			secret := rand.Text()
			line := fmt.Sprintf("%s %s %s", args[0], scopes, server.HashKey(secret))
			if _, err := server.ParseKeys(line); err != nil {
				return usageError{err}
			}
			return json.NewEncoder(a.out).Encode(map[string]string{"key": secret, "line": line})
		},
	}
	c.Flags().StringVar(&scopes, "scopes", "predict,read", "what the key allows: predict, read")
	return c
}
