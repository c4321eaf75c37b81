"""The engines and their lists."""

import buildah
import conmon
import conmon_exec
import conmon_list
import containerd
import containerd_life
import containerd_list

ALL = {kind.name: kind for kind in (containerd.Containerd, conmon.Conmon, buildah.Buildah)}
ENTRIES = [
    *containerd_list.entry, *containerd_life.entry,
    *conmon_exec.entry, *conmon_list.entry,
    *buildah.entry,
]
