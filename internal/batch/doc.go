// Package batch runs jobs in groups. Queue holds the jobs that wait, bounded,
// and hands those of one key together to a function, so that what handles many
// at once as fast as one gets many.
//
// The package knows neither HTTP nor RNNs and must import nothing of rnnrep.
package batch
