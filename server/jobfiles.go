package server

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tenonsync/tenon/connectors"
)

// The files of jobs hold customers' values. They have no name in the file
// system, so that only this process can reach them and they go with it; together
// they take Config.MaxSpooled at most.

// Write implements io.Writer: it adds to the file that the job's caller fetches
// when the job is done.
func (r *job) Write(b []byte) (int, error) {
	if !r.jobs.makeRoom(int64(len(b))) {
		return 0, errNoDisk
	}
	n, err := r.write(b)
	r.jobs.disk.give(int64(len(b) - n))
	return n, err
}

func (r *job) write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrote+int64(len(b)) > maxSpooled {
		return 0, &connectors.Error{Op: "write a job's file", Kind: connectors.Invalid, Err: fmt.Errorf("a job writes %d bytes at most", int64(maxSpooled)), Help: "ask for one mapping at a time"}
	}
	if r.file == nil {
		var err error
		if r.file, err = r.jobs.tempFile(); err != nil {
			return 0, err
		}
	}
	n, err := r.file.Write(b)
	r.wrote += int64(n)
	return n, err
}

// output returns what a job that is done has written.
func (r *job) output() (*io.SectionReader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told.State != JobDone || r.file == nil {
		return nil, &connectors.Error{Op: "read a job's file", Kind: connectors.NotFound, Err: fmt.Errorf("job %s has written no file, or it had to make room", r.told.ID)}
	}
	return io.NewSectionReader(r.file, 0, r.wrote), nil
}

// drop gives up what the job wrote.
func (r *job) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropFile()
}

// dropFile is drop for who holds the lock.
func (r *job) dropFile() {
	if r.file == nil {
		return
	}
	if err := r.file.Close(); err != nil {
		r.jobs.Logger.Debug("a job's file is not closed", "err", err)
	}
	r.jobs.disk.give(r.wrote)
	r.file, r.wrote, r.told.Output = nil, 0, 0
}

// errNoDisk says that the files of jobs have all the room that is theirs.
var errNoDisk = &connectors.Error{Op: "keep a job's file", Kind: connectors.Unavailable, Err: errors.New("too many large files are kept at the same time")}

// makeRoom takes n bytes for a file. If need be, what ended jobs wrote goes, the
// oldest first.
func (j *jobs) makeRoom(n int64) bool {
	if j.disk.take(n) {
		return true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, run := range j.all {
		if run.state().State != JobRunning {
			run.drop()
		}
		if j.disk.take(n) {
			return true
		}
	}
	return false
}

func (c *Config) tempFile() (*os.File, error) {
	f, err := os.CreateTemp(c.TempDir, ".tenon-job-*") // mode 0600
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// spooled is a request's body in a file. Who has it closes it, once.
type spooled struct {
	*os.File
	jobs *jobs
	size int64
}

// spool keeps a request's body in a file for a job.
func (j *jobs) spool(body io.Reader) (*spooled, error) {
	f, err := j.tempFile()
	if err != nil {
		return nil, err
	}
	s := &spooled{File: f, jobs: j}
	if _, err = io.Copy(spoolWriter{s}, body); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close gives the file up.
func (s *spooled) Close() error {
	s.jobs.disk.give(s.size)
	return s.File.Close()
}

// spoolWriter takes room as bytes come, not as they are announced.
type spoolWriter struct{ s *spooled }

// Write implements io.Writer.
func (w spoolWriter) Write(b []byte) (int, error) {
	if !w.s.jobs.makeRoom(int64(len(b))) {
		return 0, errNoDisk
	}
	w.s.size += int64(len(b))
	return w.s.File.Write(b)
}
