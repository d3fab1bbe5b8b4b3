package server

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"rnnrep/internal/errs"
)

// scope is what an API key allows.
type scope string

const (
	scopePredict scope = "predict" // to send models
	scopeRead    scope = "read"    // to see bundles and take their encoders
)

var scopes = []scope{scopePredict, scopeRead}

// Keys are the API keys that a server accepts; nil accepts everybody. Only
// hashes are kept.
type Keys struct{ byHash map[[sha256.Size]byte]key }

type key struct {
	name   string
	scopes []scope
}

// HashKey returns a key as a keys file holds it.
func HashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ParseKeys reads a keys file: lines of a name, its scopes (predict, read)
// joined by commas, and HashKey of the key. Empty lines and those that begin
// with # are skipped.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{byHash: map[[sha256.Size]byte]key{}}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if err := k.add(words); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if len(k.byHash) == 0 {
		return nil, fmt.Errorf("there is no key in it")
	}
	return k, nil
}

func (k *Keys) add(words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("%d words; a name, scopes and a hash are wanted", len(words))
	}
	text, ok := strings.CutPrefix(words[2], "sha256:")
	hash, err := hex.DecodeString(text)
	if !ok || err != nil || len(hash) != sha256.Size {
		return fmt.Errorf("%s has no hash of the form sha256:HEX", words[0])
	}
	added := key{name: words[0]}
	for _, s := range strings.Split(words[1], ",") {
		if !slices.Contains(scopes, scope(s)) {
			return fmt.Errorf("scope %q; known: %v", s, scopes)
		}
		added.scopes = append(added.scopes, scope(s))
	}
	at := [sha256.Size]byte(hash)
	if other, twice := k.byHash[at]; twice {
		return fmt.Errorf("%s has the key of %s", words[0], other.name)
	}
	k.byHash[at] = added
	return nil
}

// allow checks that a request's key has a scope. Looking a hash up takes time
// that depends on the hash alone, which tells nothing about keys.
func (k *Keys) allow(w http.ResponseWriter, r *http.Request, needs scope) error {
	if k == nil || needs == "" {
		return nil
	}
	secret := r.Header.Get("X-Api-Key")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		secret = bearer
	}
	found, ok := k.byHash[sha256.Sum256([]byte(secret))]
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="rnnrepd"`)
		detail := "the API key is not known"
		if secret == "" {
			detail = "an API key is needed"
		}
		return errs.New(errs.Unauthorized, "%s", detail).Accepts("Authorization: Bearer KEY, or X-Api-Key: KEY")
	}
	callOf(r).key = found.name
	if !slices.Contains(found.scopes, needs) {
		return errs.New(errs.Forbidden, "the API key does not have the scope %q", needs).Do("ask for one that has it")
	}
	return nil
}
