"""The engines and their lists."""

import buildah
import buildah_registry
import conmon
import conmon_exec
import conmon_list
import containerd
import containerd_life
import containerd_list
import containerd_registry
import docker
import docker_buildkit
import docker_like_errors
import docker_like_images
import docker_like_life
import docker_like_mounts
import docker_like_namespaces
import docker_like_process
import docker_like_registry
import docker_like_resources
import docker_like_security
import docker_only
import docker_systemd
import podman
import podman_only
import podman_systemd
import umoci
import umoci_list

ALL = {kind.name: kind for kind in (
    podman.Podman, podman_systemd.PodmanSystemd, podman_systemd.PodmanRootless,
    docker.Docker, docker_systemd.DockerSystemd,
    containerd.Containerd, conmon.Conmon, buildah.Buildah, umoci.Umoci)}
ENTRIES = [
    *docker_like_life.docker_like,
    *docker_like_process.docker_like,
    *docker_like_resources.docker_like,
    *docker_like_mounts.docker_like,
    *docker_like_security.docker_like,
    *docker_like_namespaces.docker_like,
    *docker_like_images.docker_like,
    *docker_like_errors.docker_like,
    *docker_like_registry.docker_like,
    *podman_only.podman_only,
    *docker_only.docker_only,
    *docker_buildkit.entry,
    *containerd_list.entry, *containerd_life.entry, *containerd_registry.entry,
    *conmon_exec.entry, *conmon_list.entry,
    *buildah.entry, *buildah_registry.entry,
    *umoci_list.entry,
]
