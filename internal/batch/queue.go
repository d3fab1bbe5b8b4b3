package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull refuses a job because Config.Waiting jobs wait already.
var ErrFull = errors.New("batch: the queue is full")

// Config bounds a Queue.
type Config struct {
	Workers int           // groups that run at a time; at least 1
	Group   int           // most jobs in a group; at least 1
	Waiting int           // most jobs that wait for a worker
	Delay   time.Duration // how long a job may wait for others to fill its group; 0: not at all
}

// Func runs one group: outputs in the order of the inputs. Its context ends
// when nobody waits for any of the group's jobs any more.
type Func[K comparable, In, Out any] func(ctx context.Context, key K, in []In) ([]Out, error)

// Done is a finished job.
type Done[Out any] struct {
	Value  Out
	Waited time.Duration // until its group started
	Ran    time.Duration // of its group
	Group  int           // jobs that ran together
}

// Queue groups jobs by key. The job that has waited longest goes first and
// takes with it those of its key that wait, so that no key starves another. It
// has no goroutines while no job runs.
type Queue[K comparable, In, Out any] struct {
	config Config
	run    Func[K, In, Out]

	mu      sync.Mutex
	waiting []*job[K, In, Out] // oldest first
	running int                // groups
	timer   *time.Timer        // set while a group waits to fill
}

type job[K comparable, In, Out any] struct {
	key   K
	in    In
	since time.Time
	ctx   context.Context // of who waits for the job
	done  chan outcome[Out]
}

type outcome[Out any] struct {
	done Done[Out]
	err  error
}

// New returns a queue that runs groups with run.
func New[K comparable, In, Out any](c Config, run Func[K, In, Out]) *Queue[K, In, Out] {
	if c.Workers < 1 || c.Group < 1 || c.Waiting < 0 {
		panic(fmt.Sprintf("batch: config %+v", c))
	}
	return &Queue[K, In, Out]{config: c, run: run}
}

// Do runs one job and returns its output. It fails with ErrFull at once if too
// many jobs wait, and with the context's error as soon as that ends: a job that
// waits is then taken out, and a group stops when all its jobs were left.
//
// If a group of several fails, each of its jobs runs again alone, so that one
// bad job fails no other.
func (q *Queue[K, In, Out]) Do(ctx context.Context, key K, in In) (Done[Out], error) {
	if err := ctx.Err(); err != nil {
		return Done[Out]{}, err
	}
	j := &job[K, In, Out]{key: key, in: in, ctx: ctx, since: time.Now(), done: make(chan outcome[Out], 1)}
	q.mu.Lock()
	q.waiting = append(q.waiting, j)
	q.dispatch()
	if len(q.waiting) > q.config.Waiting && q.waiting[len(q.waiting)-1] == j {
		q.waiting = q.waiting[:len(q.waiting)-1]
		q.mu.Unlock()
		return Done[Out]{}, ErrFull
	}
	q.mu.Unlock()
	select {
	case o := <-j.done:
		return o.done, o.err
	case <-ctx.Done():
		q.withdraw(j)
		return Done[Out]{}, ctx.Err()
	}
}

// Waiting returns how many jobs wait.
func (q *Queue[K, In, Out]) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

func (q *Queue[K, In, Out]) withdraw(j *job[K, In, Out]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, j); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
}

// dispatch starts groups while workers are free and jobs are due. The lock is
// held.
func (q *Queue[K, In, Out]) dispatch() {
	for q.running < q.config.Workers {
		group, next := q.due(time.Now())
		if group == nil {
			q.wakeAt(next)
			return
		}
		q.running++
		q.start(group)
	}
}

// due takes the group of the oldest job that is full or has waited long enough.
// Without one it returns when the next will be due; zero: no job waits.
func (q *Queue[K, In, Out]) due(now time.Time) (group []*job[K, In, Out], next time.Time) {
	seen := map[K]bool{}
	for _, j := range q.waiting {
		if seen[j.key] {
			continue
		}
		seen[j.key] = true
		at := j.since.Add(q.config.Delay)
		if q.count(j.key) >= q.config.Group || !now.Before(at) {
			return q.take(j.key), time.Time{}
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return nil, next
}

func (q *Queue[K, In, Out]) count(key K) (n int) {
	for _, j := range q.waiting {
		if j.key == key {
			n++
		}
	}
	return n
}

// take removes up to a group of the key's oldest jobs from the waiting ones.
func (q *Queue[K, In, Out]) take(key K) (group []*job[K, In, Out]) {
	q.waiting = slices.DeleteFunc(q.waiting, func(j *job[K, In, Out]) bool {
		if j.key != key || len(group) == q.config.Group {
			return false
		}
		group = append(group, j)
		return true
	})
	return group
}

func (q *Queue[K, In, Out]) wakeAt(t time.Time) {
	if t.IsZero() {
		return
	}
	if q.timer != nil {
		q.timer.Stop()
	}
	q.timer = time.AfterFunc(time.Until(t), func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.dispatch()
	})
}

// start runs a group in its own goroutine. The lock is held.
func (q *Queue[K, In, Out]) start(group []*job[K, In, Out]) {
	go func() {
		q.runGroup(group)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.running--
		q.dispatch()
	}()
}

// runGroup runs those of the group's jobs that somebody waits for.
func (q *Queue[K, In, Out]) runGroup(group []*job[K, In, Out]) {
	group = slices.DeleteFunc(group, func(j *job[K, In, Out]) bool { return j.ctx.Err() != nil })
	if len(group) == 0 {
		return
	}
	ctx, cancel := allOf(group)
	defer cancel()
	in := make([]In, len(group))
	for i, j := range group {
		in[i] = j.in
	}
	start := time.Now()
	out, err := q.call(ctx, group[0].key, in)
	if err != nil && len(group) > 1 {
		for _, j := range group {
			q.runGroup([]*job[K, In, Out]{j})
		}
		return
	}
	for i, j := range group {
		o := outcome[Out]{err: err}
		if err == nil {
			o.done = Done[Out]{Value: out[i], Waited: start.Sub(j.since), Ran: time.Since(start), Group: len(group)}
		}
		j.done <- o
	}
}

// allOf returns a context that ends when those of all the jobs have ended.
func allOf[K comparable, In, Out any](group []*job[K, In, Out]) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	var left atomic.Int64
	left.Store(int64(len(group)))
	stops := make([]func() bool, len(group))
	for i, j := range group {
		stops[i] = context.AfterFunc(j.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// Panic is the error of a group whose function panicked.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// call runs the function and turns what it does wrong into errors.
func (q *Queue[K, In, Out]) call(ctx context.Context, key K, in []In) (out []Out, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	out, err = q.run(ctx, key, in)
	if err == nil && len(out) != len(in) {
		err = fmt.Errorf("batch: %d outputs of %d inputs", len(out), len(in))
	}
	return out, err
}
