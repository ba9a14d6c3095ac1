// Package shared is the root of the packages that the functions share: one role
// each, so that a function links only what it uses. What may never be public lies
// below proprietary.
package shared
