package batch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rnnrep/internal/batch"
)

// recorder squares its inputs and keeps the groups that it was given.
type recorder struct {
	mu     sync.Mutex
	groups [][]int
	takes  time.Duration // how long a group runs
}

func (r *recorder) run(ctx context.Context, _ string, in []int) ([]int, error) {
	r.mu.Lock()
	r.groups = append(r.groups, slices.Clone(in))
	r.mu.Unlock()
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out := make([]int, len(in))
	for i, x := range in {
		out[i] = x * x
	}
	return out, nil
}

func (r *recorder) ran() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.groups)
}

// submit starts a job after earlier ones have come to rest, so that arrival
// order is fixed.
func submit(ctx context.Context, q *batch.Queue[string, int, int], key string, in int, done func(batch.Done[int], error)) {
	go func() { done(q.Do(ctx, key, in)) }()
	synctest.Wait()
}

func wants(t *testing.T, want int) func(batch.Done[int], error) {
	return func(d batch.Done[int], err error) {
		if err != nil || d.Value != want {
			t.Errorf("%v %v, want %d", d.Value, err, want)
		}
	}
}

func fails(t *testing.T, want error) func(batch.Done[int], error) {
	return func(_ batch.Done[int], err error) {
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
}

// TestGroupsByKeyOldestFirst: while the worker is busy, jobs of one key gather;
// the oldest job's key goes first.
func TestGroupsByKeyOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: time.Second}
		q := batch.New(batch.Config{Workers: 1, Group: 3, Waiting: 10}, r.run)
		ctx := t.Context()
		submit(ctx, q, "a", 1, wants(t, 1))
		for _, j := range []struct {
			key string
			in  int
		}{{"b", 2}, {"a", 3}, {"b", 4}, {"b", 5}, {"a", 6}, {"b", 7}} {
			submit(ctx, q, j.key, j.in, wants(t, j.in*j.in))
		}
		if n := q.Waiting(); n != 6 {
			t.Errorf("%d jobs wait", n)
		}
		time.Sleep(time.Minute)
		if want := "[[1] [2 4 5] [3 6] [7]]"; r.ran() != want {
			t.Errorf("groups %s, want %s", r.ran(), want)
		}
	})
}

func TestDelayFillsGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		q := batch.New(batch.Config{Workers: 2, Group: 3, Waiting: 10, Delay: 10 * time.Millisecond}, r.run)
		ctx := t.Context()
		submit(ctx, q, "a", 1, func(d batch.Done[int], err error) {
			if err != nil || d.Waited != 10*time.Millisecond || d.Group != 2 {
				t.Errorf("%+v %v", d, err)
			}
		})
		time.Sleep(9 * time.Millisecond)
		submit(ctx, q, "a", 2, wants(t, 4))
		submit(ctx, q, "b", 3, wants(t, 9)) // is due later, on its own
		if r.ran() != "[]" {
			t.Errorf("groups %s before the delay was over", r.ran())
		}
		time.Sleep(time.Minute)
		for i := range 3 { // a full group does not wait
			submit(ctx, q, "a", i, func(d batch.Done[int], err error) {
				if err != nil || d.Waited != 0 || d.Group != 3 {
					t.Errorf("%+v %v", d, err)
				}
			})
		}
		if want := "[[1 2] [3] [0 1 2]]"; r.ran() != want {
			t.Errorf("groups %s, want %s", r.ran(), want)
		}
	})
}

func TestFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: time.Second}
		q := batch.New(batch.Config{Workers: 1, Group: 4, Waiting: 2}, r.run)
		ctx := t.Context()
		for i := range 3 {
			submit(ctx, q, "a", i, wants(t, i*i))
		}
		submit(ctx, q, "a", 3, fails(t, batch.ErrFull))
		submit(ctx, q, "b", 3, fails(t, batch.ErrFull))
		time.Sleep(time.Minute)
		submit(ctx, q, "a", 4, wants(t, 16))
		time.Sleep(time.Minute)
		if want := "[[0] [1 2] [4]]"; r.ran() != want {
			t.Errorf("groups %s, want %s", r.ran(), want)
		}
	})
}

// TestAbandonedJobsCostNothing: a job whose context ends while it waits never
// runs, and a group that everybody left is told to stop.
func TestAbandonedJobsCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: time.Hour}
		q := batch.New(batch.Config{Workers: 1, Group: 4, Waiting: 10}, r.run)
		running, leaveRunning := context.WithCancel(t.Context())
		waiting, leaveWaiting := context.WithCancel(t.Context())
		submit(running, q, "a", 1, fails(t, context.Canceled))
		submit(waiting, q, "a", 2, fails(t, context.Canceled))
		submit(t.Context(), q, "a", 3, wants(t, 9))
		leaveWaiting()
		synctest.Wait()
		if n := q.Waiting(); n != 1 {
			t.Errorf("%d jobs wait", n)
		}
		leaveRunning()
		synctest.Wait()
		if want := "[[1] [3]]"; r.ran() != want {
			t.Errorf("groups %s, want %s", r.ran(), want)
		}
		submit(running, q, "a", 4, fails(t, context.Canceled)) // ended before it came
		time.Sleep(2 * time.Hour)
	})
}

// TestGroupGoesOnForThoseWhoStay: a group stops only when all have left it.
func TestGroupGoesOnForThoseWhoStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{takes: time.Second}
		q := batch.New(batch.Config{Workers: 1, Group: 4, Waiting: 10}, r.run)
		leaves, leave := context.WithCancel(t.Context())
		submit(t.Context(), q, "a", 1, wants(t, 1))
		submit(leaves, q, "a", 2, fails(t, context.Canceled))
		submit(t.Context(), q, "a", 3, wants(t, 9))
		time.Sleep(1500 * time.Millisecond) // 2 and 3 run
		leave()
		time.Sleep(time.Minute)
		if want := "[[1] [2 3]]"; r.ran() != want {
			t.Errorf("groups %s, want %s", r.ran(), want)
		}
	})
}

// TestBadJobFailsAlone: errors and panics stay with the job that caused them.
func TestBadJobFailsAlone(t *testing.T) {
	bad := errors.New("odd")
	for name, mistake := range map[string]func() error{
		"error":     func() error { return bad },
		"panic":     func() error { panic("odd") },
		"miscounts": func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := batch.New(batch.Config{Workers: 1, Group: 8, Waiting: 10, Delay: time.Second}, func(_ context.Context, _ string, in []int) ([]int, error) {
					if slices.Contains(in, 3) {
						return nil, mistake()
					}
					return in, nil
				})
				var failed atomic.Int64
				for i := range 6 {
					submit(t.Context(), q, "a", i, func(d batch.Done[int], err error) {
						if (err != nil) != (i == 3) || err == nil && d.Value != i {
							t.Errorf("job %d: %d, %v", i, d.Value, err)
						}
						if err == nil {
							return
						}
						failed.Add(1)
						var p *batch.Panic
						if isPanic := errors.As(err, &p); isPanic != (name == "panic") || isPanic && len(p.Stack) == 0 {
							t.Errorf("error %v", err)
						}
					})
				}
				time.Sleep(time.Minute)
				if failed.Load() != 1 {
					t.Errorf("%d jobs failed", failed.Load())
				}
			})
		})
	}
}

// TestManyAtOnce: under contention every job gets its own answer or an error,
// and nothing is left running.
func TestManyAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	var most, now atomic.Int64
	q := batch.New(batch.Config{Workers: 3, Group: 7, Waiting: 50}, func(_ context.Context, key int, in []int) ([]int, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		runtime.Gosched()
		out := make([]int, len(in))
		for i, x := range in {
			if x%5 != key {
				return nil, fmt.Errorf("job %d in group %d", x, key)
			}
			out[i] = -x
		}
		return out, nil
	})
	var wg sync.WaitGroup
	var answered, full atomic.Int64
	for w := range 40 {
		wg.Go(func() {
			for i := range 200 {
				x := w*200 + i
				ctx, cancel := context.WithCancel(t.Context())
				if x%17 == 0 {
					go cancel()
				}
				d, err := q.Do(ctx, x%5, x)
				switch {
				case err == nil && d.Value == -x && d.Group <= 7:
					answered.Add(1)
				case errors.Is(err, batch.ErrFull):
					full.Add(1)
				case errors.Is(err, context.Canceled) && x%17 == 0:
				default:
					t.Errorf("job %d: %+v %v", x, d, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if answered.Load() == 0 || most.Load() > 3 || q.Waiting() != 0 {
		t.Errorf("%d answered, %d refused, %d groups at a time, %d wait", answered.Load(), full.Load(), most.Load(), q.Waiting())
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []batch.Config{{}, {Workers: 1}, {Group: 1}, {Workers: 1, Group: 1, Waiting: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is taken", c)
				}
			}()
			batch.New(c, (&recorder{}).run)
		}()
	}
}

func ExampleQueue() {
	q := batch.New(batch.Config{Workers: 1, Group: 32, Waiting: 512}, func(_ context.Context, key string, names []string) ([]string, error) {
		out := make([]string, len(names))
		for i, n := range names {
			out[i] = key + " " + n
		}
		return out, nil
	})
	d, err := q.Do(context.Background(), "hello", "world")
	fmt.Println(d.Value, err)
	// Output: hello world <nil>
}
