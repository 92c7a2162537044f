// Package bench measures the engine from outside.
package bench
