// A department: reads its tasks, answers "accept" and "handled", and knows what it has answered. ../README.md says how to start it.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type task struct {
	ID           string `json:"id"`
	PartitionKey string `json:"partition_key"`
}

type answer struct {
	ID           string `json:"id"`
	Task         string `json:"task"`
	PartitionKey string `json:"partition_key"`
	Kind         string `json:"kind"`
	Actor        string `json:"actor"`
	OccurredAt   string `json:"occurred_at"`
}

type department struct {
	name, feedback string
	client         *kgo.Client
	journal        *os.File
	begun          map[string]string // records whose answers were begun, with the time that the answers carry
	done           map[string]bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
	fmt.Println("ended")
}

func run(ctx context.Context, name, journal string) error {
	namespace := os.Getenv("NAMESPACE")
	client, err := kgo.NewClient( // it produces with acks=all and idempotence, unless told otherwise
		kgo.SeedBrokers(strings.Split(cmp.Or(os.Getenv("KAFKA"), "127.0.0.1:9092"), ",")...),
		kgo.ConsumerGroup(namespace+name+"-example"),
		kgo.ConsumeTopics(namespace+"tasks."+name),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), // otherwise tasks of aborted transactions come, too
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	d := department{name: name, feedback: namespace + "feedback." + name, client: client}
	if err := d.open(journal); err != nil {
		return err
	}
	defer d.journal.Close()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if err := d.take(ctx, record); err != nil {
				return err
			}
		}
		if err := client.CommitUncommittedOffsets(ctx); err != nil { // only now: everything polled is answered
			return err
		}
		client.AllowRebalance()
	}
}

// open reads the journal, which stands for the department's database.
func (d *department) open(path string) (err error) {
	d.begun, d.done = map[string]string{}, map[string]bool{}
	if d.journal, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return err
	}
	lines := bufio.NewScanner(d.journal)
	for lines.Scan() {
		part := strings.Split(lines.Text(), " ")
		switch {
		case len(part) != 3: // a crash cut it off
		case part[0] == "begun":
			d.begun[part[2]] = part[1]
		default:
			d.done[part[2]] = true
		}
	}
	return lines.Err()
}

func (d *department) take(ctx context.Context, record *kgo.Record) error {
	if header(record, "ce_type") != "grid.task.dispatched.v1" {
		return nil
	}
	key := header(record, "ce_source") + "|" + header(record, "ce_id")
	var one task
	if err := json.Unmarshal(record.Value, &one); err != nil {
		return err
	}
	if d.done[key] {
		fmt.Println("duplicate", one.ID)
		return nil
	}
	// a crash repeats the answers under the same ids and with the same time, and the router counts each once
	if d.begun[key] == "" {
		d.begun[key] = time.Now().UTC().Format(time.RFC3339Nano)
		if err := d.write("begun", key); err != nil {
			return err
		}
	}
	for _, kind := range []string{"accept", "handled"} { // a real department does the work before "handled"
		if err := d.answer(ctx, one, kind, d.begun[key]); err != nil {
			return err
		}
	}
	d.done[key] = true
	if err := d.write("done", key); err != nil {
		return err
	}
	fmt.Println("answered", one.ID)
	return nil
}

// answer sends one answer as a CloudEvent in binary mode, and waits until Kafka has stored it.
func (d *department) answer(ctx context.Context, about task, kind, at string) error {
	id := about.ID + "/" + kind
	value, err := json.Marshal(answer{id, about.ID, about.PartitionKey, kind, d.name + "-example", at})
	if err != nil {
		return err
	}
	record := &kgo.Record{Topic: d.feedback, Key: []byte(about.ID), Value: value}
	for _, one := range [][2]string{
		{"ce_specversion", "1.0"},
		{"ce_id", id},
		{"ce_source", "/departments/" + d.name},
		{"ce_type", "org.example.task." + kind + ".v1"},
		{"ce_time", at},
		{"content-type", "application/json"},
	} {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: one[0], Value: []byte(one[1])})
	}
	return d.client.ProduceSync(ctx, record).FirstErr()
}

func (d *department) write(state, key string) error {
	if _, err := fmt.Fprintln(d.journal, state, d.begun[key], key); err != nil {
		return err
	}
	return d.journal.Sync()
}

func header(record *kgo.Record, name string) string {
	for _, one := range record.Headers {
		if one.Key == name {
			return string(one.Value)
		}
	}
	return ""
}
