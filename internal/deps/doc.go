// Package deps holds the rules of which package may import which, as a test.
package deps
