"""The engines and their lists."""

import docker_like_errors
import docker_like_images
import docker_like_life
import docker_like_mounts
import docker_like_namespaces
import docker_like_process
import docker_like_resources
import docker_like_security
import docker_only
import podman_only
from docker import Docker
from podman import Podman

ALL = {
    "podman": Podman,
    "docker": Docker,
}
ENTRIES = [
    *docker_like_life.docker_like,
    *docker_like_process.docker_like,
    *docker_like_resources.docker_like,
    *docker_like_mounts.docker_like,
    *docker_like_security.docker_like,
    *docker_like_namespaces.docker_like,
    *docker_like_images.docker_like,
    *docker_like_errors.docker_like,
    *podman_only.podman_only,
    *docker_only.docker_only,
]
