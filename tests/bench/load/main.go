// The loads of the benchmark that wrk can't make: with client certificates, by HTTP/2,
// by gRPC. One plan in JSON comes on stdin, one line of JSON goes to stdout. Standard
// library only, and as little work a request as possible: it shares the machine with
// the server that it measures.
//
// A request is bytes that are sent as they are, but for ten "#", which become the number
// of a key. For HTTP/2 its header block has literals only, so that this holds there, too.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sort"
	"sync"
	"time"
)

// Plan says what to do. See `Plan` in generator.ts.
type Plan struct {
	Kind        string
	Address     string
	TLS         *Files
	Connections int
	// Streams that a connection of HTTP/2 has open at once.
	Streams int
	Seconds float64
	// Not measured.
	WarmUpSeconds float64
	Keys          int
	Request       Request
	// Sent once before, one after the other.
	Setup []Request
	// Of "watch" only.
	Watch    Request
	Watchers int
	Writes   int
}

// Request is what is sent. HTTP/1.1 has a Body only, which is then all of it.
type Request struct {
	Fields [][2]string
	Body   []byte
}

// Files are of PEM.
type Files struct{ CA, Cert, Key string }

// Result is what was found. Errors are answers that are no success.
type Result struct {
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	P50Ms    float64 `json:"p50Ms"`
	P99Ms    float64 `json:"p99Ms"`
	MaxMs    float64 `json:"maxMs"`
	Errors   int     `json:"errors"`
}

func main() {
	var plan Plan
	if err := json.NewDecoder(os.Stdin).Decode(&plan); err != nil {
		fail(err)
	}
	dialer, err := newDialer(plan)
	if err != nil {
		fail(err)
	}
	result, err := run(plan, dialer)
	if err != nil {
		fail(err)
	}
	json.NewEncoder(os.Stdout).Encode(result)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func run(plan Plan, dialer *Dialer) (Result, error) {
	switch plan.Kind {
	case "http1":
		return measure(plan, func(sample *Sample, number int) error {
			return loadHTTP1(plan, dialer, sample, number)
		})
	case "connect":
		return measure(plan, func(sample *Sample, number int) error {
			return loadConnects(plan, dialer, sample, number)
		})
	case "http2", "stream":
		if err := setUp(plan, dialer); err != nil {
			return Result{}, err
		}
		return measure(plan, func(sample *Sample, number int) error {
			return loadHTTP2(plan, dialer, sample, number)
		})
	case "watch":
		return watch(plan, dialer)
	default:
		return Result{}, fmt.Errorf("expected a kind of load, found %q", plan.Kind)
	}
}

// Dialer opens connections.
type Dialer struct {
	address string
	config  *tls.Config
}

func newDialer(plan Plan) (*Dialer, error) {
	if plan.TLS == nil {
		return &Dialer{address: plan.Address}, nil
	}
	pair, err := tls.LoadX509KeyPair(plan.TLS.Cert, plan.TLS.Key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(plan.TLS.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	protocol := "h2"
	if plan.Kind == "http1" || plan.Kind == "connect" {
		protocol = "http/1.1"
	}
	host, _, err := net.SplitHostPort(plan.Address)
	if err != nil {
		return nil, err
	}
	return &Dialer{address: plan.Address, config: &tls.Config{
		RootCAs:      pool,
		Certificates: []tls.Certificate{pair},
		NextProtos:   []string{protocol},
		ServerName:   host,
	}}, nil
}

// Dial returns when the handshake is done. No session is resumed.
func (d *Dialer) Dial() (net.Conn, error) {
	conn, err := net.Dial("tcp", d.address)
	if err != nil || d.config == nil {
		return conn, err
	}
	secure := tls.Client(conn, d.config)
	if err := secure.Handshake(); err != nil {
		return nil, err
	}
	return secure, nil
}

// Sample gathers what one connection has seen.
type Sample struct {
	from, until time.Time
	micros      []uint32
	errors      int
}

// Add counts a request that has been answered; false when the time is over.
func (s *Sample) Add(begun, ended time.Time, isSuccess bool) bool {
	if !isSuccess {
		s.errors++
	}
	if ended.After(s.until) {
		return false
	}
	if ended.After(s.from) {
		s.micros = append(s.micros, uint32(ended.Sub(begun).Microseconds()))
	}
	return true
}

// measure runs `work` once for each connection, all at once.
func measure(plan Plan, work func(sample *Sample, number int) error) (Result, error) {
	warmUp := time.Duration(plan.WarmUpSeconds * float64(time.Second))
	duration := time.Duration(plan.Seconds * float64(time.Second))
	from := time.Now().Add(warmUp)
	samples := make([]Sample, plan.Connections)
	failures := make(chan error, plan.Connections)
	var running sync.WaitGroup
	for number := range samples {
		samples[number] = Sample{from: from, until: from.Add(duration)}
		running.Add(1)
		go func(number int) {
			defer running.Done()
			if err := work(&samples[number], number); err != nil {
				failures <- err
			}
		}(number)
	}
	running.Wait()
	select {
	case err := <-failures:
		return Result{}, err
	default:
		return summary(samples, duration.Seconds()), nil
	}
}

func summary(samples []Sample, seconds float64) Result {
	var all []uint32
	errors := 0
	for _, sample := range samples {
		all = append(all, sample.micros...)
		errors += sample.errors
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(share*float64(len(all)-1))]) / 1000
	}
	return Result{len(all), seconds, at(0.5), at(0.99), at(1), errors}
}

// Numbered is a request with a place for the number of a key, if it has one.
type Numbered struct {
	bytes []byte
	at    []int
	keys  int
	next  int
}

const marker = "##########"

// newNumbered copies `bytes`; `first` is the number of the first key.
func newNumbered(bytes []byte, keys, first int) *Numbered {
	copied := append([]byte(nil), bytes...)
	var at []int
	for i := 0; i+len(marker) <= len(copied); i++ {
		if string(copied[i:i+len(marker)]) == marker {
			at = append(at, i)
		}
	}
	return &Numbered{copied, at, keys, first}
}

// Next is the request with the next number; its bytes are good until the next call.
func (n *Numbered) Next() []byte {
	number := n.next % n.keys
	n.next++
	for _, at := range n.at {
		rest := number
		for i := at + len(marker) - 1; i >= at; i-- {
			n.bytes[i] = byte('0' + rest%10)
			rest /= 10
		}
	}
	return n.bytes
}
