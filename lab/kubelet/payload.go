package kubelet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A payload is the content of a volume that is made of API objects. On disk it looks as a real kubelet writes it: the files
// are in a folder of their own, ..data is a link to that folder, and every name is a link through ..data. Changing the
// volume is one rename of ..data, so that a reader never sees half of a change.
type payload struct {
	files map[string]payloadFile // by path relative to the volume
}

type payloadFile struct {
	data []byte
	mode int32
}

const (
	dataLink    = "..data"
	newDataLink = "..data_tmp"
)

func newPayload() *payload { return &payload{files: map[string]payloadFile{}} }

// write makes the volume in dir hold the payload. A group, if given, may read it.
func (p *payload) write(dir string, group *int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for path := range p.files {
		if !filepath.IsLocal(path) {
			return fmt.Errorf("path %s leads out of the volume", path)
		}
	}
	if p.isIn(dir) {
		return nil
	}
	old, err := os.Readlink(filepath.Join(dir, dataLink))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	next, err := p.writeFolder(dir, group)
	if err != nil {
		return fmt.Errorf("write volume: %w", err)
	}
	if err := swapLink(dir, next); err != nil {
		return fmt.Errorf("swap volume: %w", err)
	}
	if err := p.linkNames(dir); err != nil {
		return fmt.Errorf("link volume: %w", err)
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, old))
}

// isIn says whether dir holds the payload already.
func (p *payload) isIn(dir string) bool {
	root := filepath.Join(dir, dataLink)
	for path, file := range p.files {
		data, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || !bytes.Equal(data, file.data) {
			return false
		}
	}
	return countFiles(root) == len(p.files)
}

// countFiles counts the files below a folder; -1 says that there is no such folder.
func countFiles(root string) int {
	target, err := filepath.EvalSymlinks(root)
	if err != nil {
		return -1
	}
	count := 0
	err = filepath.WalkDir(target, func(_ string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			count++
		}
		return err
	})
	if err != nil {
		return -1
	}
	return count
}

// writeFolder writes the files into a new folder and returns its name.
func (p *payload) writeFolder(dir string, group *int64) (name string, err error) {
	folder, err := os.MkdirTemp(dir, "..version_")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	if err := os.Chmod(folder, 0o755); err != nil {
		return "", err
	}
	for path, file := range p.files {
		if err := file.write(filepath.Join(folder, path), group); err != nil {
			return "", err
		}
	}
	return filepath.Base(folder), nil
}

func (f payloadFile) write(path string, group *int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, f.data, 0o600); err != nil {
		return err
	}
	mode := os.FileMode(f.mode).Perm()
	if group != nil {
		mode |= 0o440
		if err := os.Chown(path, -1, int(*group)); err != nil {
			return err
		}
	}
	return os.Chmod(path, mode) // whatever the umask is
}

func swapLink(dir, target string) error {
	link := filepath.Join(dir, newDataLink)
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.Symlink(target, link); err != nil {
		return err
	}
	return os.Rename(link, filepath.Join(dir, dataLink))
}

// linkNames makes the visible names, and removes the ones that are no longer there.
func (p *payload) linkNames(dir string) error {
	names := map[string]bool{}
	for path := range p.files {
		name, _, _ := strings.Cut(filepath.Clean(path), string(filepath.Separator))
		names[name] = true
	}
	for name := range names {
		err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(dir, name))
		if err != nil && !os.IsExist(err) {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "..") && !names[entry.Name()] {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
