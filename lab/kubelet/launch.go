package kubelet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// launch starts the container's process and returns it when it runs and its postStart hook has ended. The error is a
// refusal if the container could not be created; otherwise the container's state says how its start failed.
func (c *container) launch() (*process, error) {
	spec, err := c.initSpec(c.pod.ctx)
	if err != nil {
		if c.pod.ctx.Err() != nil {
			return nil, errStopped
		}
		return nil, err
	}
	c.event(corev1.EventTypeNormal, "Pulled", "Container image %q already present on machine", c.image)
	c.event(corev1.EventTypeNormal, "Created", "Container created")
	log, err := c.openLog(spec.UID)
	if err != nil {
		return nil, &refusal{reason: "CreateContainerError", err: err}
	}
	defer log.Close()
	proc, err := c.pod.node.starter.spawn(spec, log)
	if err != nil {
		c.event(corev1.EventTypeWarning, "Failed", "Error: failed to start container %q: %v", c.name, err)
		c.setTerminated(corev1.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: err.Error()})
		return nil, err
	}
	if !c.setRunning(proc) {
		_ = proc.cmd.Process.Kill()
		proc.wait()
		return nil, errStopped
	}
	go c.reap(proc)
	c.event(corev1.EventTypeNormal, "Started", "Container started")
	c.pod.publish()
	c.afterStart(proc)
	return proc, nil
}

// reap waits for the end of a process and shows it.
func (c *container) reap(proc *process) {
	code, sig := proc.wait()
	exit := corev1.ContainerStateTerminated{ExitCode: int32(code), Signal: int32(sig), Reason: "Completed"}
	if code != 0 {
		exit.Reason = "Error"
	}
	c.setTerminated(exit)
	close(proc.done)
}

// afterStart runs the postStart hook, then the probes until the process ends. A container whose hook fails is killed.
func (c *container) afterStart(proc *process) {
	if hooks := c.spec.Lifecycle; hooks != nil && hooks.PostStart != nil {
		if err := c.runHook(c.pod.ctx, hooks.PostStart); err != nil && c.pod.ctx.Err() == nil {
			c.event(corev1.EventTypeWarning, "FailedPostStartHook", "PostStartHook failed: %v", err)
			c.endWithGrace(proc)
			return
		}
	}
	c.pod.tasks.Go(func() { c.probe(proc) })
}

// initSpec puts together all that the container's process needs.
func (c *container) initSpec(ctx context.Context) (initSpec, error) {
	img, binds, err := resolveImage(c.image, c.pod.node.cfg.Components)
	if err != nil {
		return initSpec{}, &refusal{reason: "ErrImagePull", backoff: "ImagePullBackOff", err: err}
	}
	object := c.pod.meta()
	env, err := c.environment(ctx, object, img)
	if err != nil {
		return initSpec{}, &refusal{reason: "CreateContainerConfigError", err: err}
	}
	mounts, err := c.pod.volumes.binds(c.spec)
	if err != nil {
		return initSpec{}, &refusal{reason: "CreateContainerConfigError", err: err}
	}
	argv := commandLine(img, c.spec, env)
	if len(argv) == 0 {
		return initSpec{}, &refusal{reason: "CreateContainerError", err: fmt.Errorf("no command specified")}
	}
	dir := filepath.Join(c.pod.dir, "containers", c.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return initSpec{}, &refusal{reason: "CreateContainerError", err: err}
	}
	binds = append(binds, mounts...)
	sortBinds(binds)
	spec := initSpec{
		Netns:      c.pod.netnsPath(),
		Dir:        dir,
		Hostname:   hostname(object),
		WorkingDir: workingDir(img, c.spec),
		Files:      c.pod.node.cfg.networkFiles(object, c.pod.podIP()),
		Binds:      binds,
		Argv:       argv,
		Env:        environList(env),
	}
	spec.setUser(img, object.Spec.SecurityContext, c.spec.SecurityContext)
	return spec, nil
}

// environment is the container's environment with everything looked up.
func (c *container) environment(ctx context.Context, object *corev1.Pod, img image) (map[string]string, error) {
	source := envSource{
		objects: c.pod.node.objects.in(ctx, object.Namespace),
		fields: fields{
			pod: object, podIP: c.pod.podIP(), hostIP: c.pod.node.cfg.NodeIP, allocatable: c.pod.node.allocatable,
		},
		container: c.spec,
	}
	return source.expand(c.pod.node.cfg.baseEnv(object, img))
}

// setUser takes the user from the image, the pod and the container, the last that says something.
func (s *initSpec) setUser(img image, pod *corev1.PodSecurityContext, container *corev1.SecurityContext) {
	s.UID, s.GID = img.uid, img.gid
	set := func(target *int, value *int64) {
		if value != nil {
			*target = int(*value)
		}
	}
	if pod != nil {
		set(&s.UID, pod.RunAsUser)
		set(&s.GID, pod.RunAsGroup)
		for _, group := range pod.SupplementalGroups {
			s.Groups = append(s.Groups, int(group))
		}
		if pod.FSGroup != nil {
			s.Groups = append(s.Groups, int(*pod.FSGroup))
		}
	}
	if container != nil {
		set(&s.UID, container.RunAsUser)
		set(&s.GID, container.RunAsGroup)
		s.ReadOnlyRoot = container.ReadOnlyRootFilesystem != nil && *container.ReadOnlyRootFilesystem
	}
}

// commandLine is the image's command as the container overrides it, with $(VAR) expanded.
func commandLine(img image, spec *corev1.Container, env map[string]string) []string {
	entrypoint, args := img.entrypoint, img.cmd
	if len(spec.Command) > 0 {
		entrypoint, args = spec.Command, nil
	}
	if len(spec.Args) > 0 {
		args = spec.Args
	}
	var argv []string
	for _, list := range [][]string{entrypoint, args} {
		for _, arg := range list {
			argv = append(argv, expandVariables(arg, env))
		}
	}
	return argv
}

func workingDir(img image, spec *corev1.Container) string {
	switch {
	case spec.WorkingDir != "":
		return spec.WorkingDir
	case img.workingDir != "":
		return img.workingDir
	}
	return "/"
}

func hostname(pod *corev1.Pod) string {
	name := pod.Name
	if pod.Spec.Hostname != "" {
		name = pod.Spec.Hostname
	}
	return strings.TrimRight(name[:min(len(name), 63)], "-.")
}
