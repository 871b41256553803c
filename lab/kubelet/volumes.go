package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// refreshPeriod is how soon a changed ConfigMap or Secret is seen in the containers, and how often tokens are looked at.
const refreshPeriod = 5 * time.Second

// volumes keeps the volumes of one pod in a folder, from where they are bound into its containers.
type volumes struct {
	pod    *pod
	dir    string
	tokens tokenCache
}

func newVolumes(p *pod) *volumes {
	return &volumes{
		pod:    p,
		dir:    filepath.Join(p.dir, "volumes"),
		tokens: tokenCache{client: p.node.client, pod: p.origin},
	}
}

// mount brings every volume up to date. The error is the first volume's that could not be.
func (v *volumes) mount(ctx context.Context) error {
	object := v.pod.meta()
	var first error
	for i := range object.Spec.Volumes {
		volume := &object.Spec.Volumes[i]
		if err := v.setUp(ctx, object, volume); err != nil && first == nil {
			first = fmt.Errorf("volume %q : %w", volume.Name, err)
		}
	}
	return first
}

// refresh keeps the volumes up to date until ctx is done. What cannot be read stays as it was, as on a node.
func (v *volumes) refresh(ctx context.Context) {
	for sleep(ctx, refreshPeriod) {
		if err := v.mount(ctx); err != nil && ctx.Err() == nil {
			v.pod.logger().Warn("refresh volumes", "error", err)
		}
	}
}

func (v *volumes) setUp(ctx context.Context, object *corev1.Pod, volume *corev1.Volume) error {
	dir := filepath.Join(v.dir, volume.Name)
	owner := groupOf(object)
	switch {
	case volume.EmptyDir != nil:
		return setUpEmptyDir(dir, owner)
	case volume.HostPath != nil:
		return checkHostPath(volume.HostPath)
	}
	content, err := v.content(ctx, object, volume)
	if err != nil {
		return err
	}
	return content.write(dir, owner)
}

// setUpEmptyDir makes an empty folder. One with medium Memory is on disk, too: its mount would outlive a killed kubelet.
func setUpEmptyDir(dir string, group *int64) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	if group != nil {
		if err := os.Chown(dir, -1, int(*group)); err != nil {
			return err
		}
	}
	mode := os.FileMode(0o777)
	if group != nil {
		mode |= os.ModeSetgid
	}
	return os.Chmod(dir, mode)
}

// checkHostPath allows what charts want to read of a host, certificates above all, and nothing that they could harm.
func checkHostPath(source *corev1.HostPathVolumeSource) error {
	path := filepath.Clean(source.Path)
	if path != "/etc" && !strings.HasPrefix(path, "/etc/") {
		return fmt.Errorf("hostPath %s: the lab lends pods only folders below /etc, read-only", source.Path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("hostPath: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("hostPath %s: not a folder", source.Path)
	}
	return nil
}

// content is what the files of a volume have to be.
func (v *volumes) content(ctx context.Context, object *corev1.Pod, volume *corev1.Volume) (*payload, error) {
	c := &contentBuilder{
		objects: v.pod.node.objects.in(ctx, object.Namespace),
		fields: fields{
			pod: object, podIP: v.pod.podIP(), hostIP: v.pod.node.cfg.NodeIP, allocatable: v.pod.node.allocatable,
		},
		token: func(source *corev1.ServiceAccountTokenProjection) (string, error) {
			return v.tokens.get(ctx, volume.Name+"/"+source.Path, source, time.Now())
		},
		payload: newPayload(),
	}
	var err error
	switch {
	case volume.ConfigMap != nil:
		s := volume.ConfigMap
		c.mode(s.DefaultMode)
		err = c.configMap(s.Name, s.Items, s.Optional)
	case volume.Secret != nil:
		s := volume.Secret
		c.mode(s.DefaultMode)
		err = c.secret(s.SecretName, s.Items, s.Optional)
	case volume.DownwardAPI != nil:
		c.mode(volume.DownwardAPI.DefaultMode)
		err = c.downwardAPI(volume.DownwardAPI.Items)
	case volume.Projected != nil:
		c.mode(volume.Projected.DefaultMode)
		for i := range volume.Projected.Sources {
			if err = c.projection(&volume.Projected.Sources[i]); err != nil {
				break
			}
		}
	default:
		err = fmt.Errorf("the lab's nodes do not support this kind of volume")
	}
	if err != nil {
		return nil, err
	}
	return c.payload, nil
}

// binds are the mounts of one container.
func (v *volumes) binds(container *corev1.Container) ([]bind, error) {
	object := v.pod.meta()
	var binds []bind
	for _, m := range container.VolumeMounts {
		source, readOnly := filepath.Join(v.dir, m.Name), m.ReadOnly
		for i := range object.Spec.Volumes {
			if volume := &object.Spec.Volumes[i]; volume.Name == m.Name && volume.HostPath != nil {
				source, readOnly = filepath.Clean(volume.HostPath.Path), true
			}
		}
		if m.SubPathExpr != "" {
			return nil, fmt.Errorf("volume mount %s: the lab's nodes do not support subPathExpr", m.Name)
		}
		if m.SubPath != "" {
			var err error
			if source, err = subPath(source, m.SubPath); err != nil {
				return nil, fmt.Errorf("volume mount %s: %w", m.Name, err)
			}
		}
		binds = append(binds, bind{Source: source, Target: filepath.Clean(m.MountPath), ReadOnly: readOnly})
	}
	return binds, nil
}

// subPath finds a file or folder inside a volume; a folder that is not there is made. Links are followed now: as on a node,
// such a mount does not follow the volume's changes.
func subPath(volume, path string) (string, error) {
	if !filepath.IsLocal(path) {
		return "", fmt.Errorf("subPath %s leads out of the volume", path)
	}
	full := filepath.Join(volume, path)
	if _, err := os.Stat(full); os.IsNotExist(err) {
		if err := os.MkdirAll(full, 0o777); err != nil {
			return "", err
		}
		return full, os.Chmod(full, 0o777)
	}
	return filepath.EvalSymlinks(full)
}

// groupOf is the group that a pod wants its volumes to belong to.
func groupOf(pod *corev1.Pod) *int64 {
	if pod.Spec.SecurityContext == nil {
		return nil
	}
	return pod.Spec.SecurityContext.FSGroup
}
