"""What is measured. Each case takes the rigs in turn and adds to the results."""

import os
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from harness.client import Client
from harness.images import Layer, busybox, entry

HOST = {"linux": {"security_context": {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}}}}
TICK = os.sysconf("SC_CLK_TCK")


def timed(call, *arguments, **options):
    begun = time.perf_counter()
    value = call(*arguments, **options)
    return value, (time.perf_counter() - begun) * 1000


def alternating(rigs, rounds):
    """Each rig once a round, none of them always first."""
    for number in range(rounds):
        for rig in rigs if number % 2 else reversed(rigs):
            yield number, rig


# ---- latencies ----

def birth(rig, config):
    """Times of the three calls, and what they made."""
    pod = rig.pod(run=False, **config)
    _, run = timed(pod.run)
    container = pod.container("sleep", "1000", create=False)
    _, create = timed(container.create)
    _, start = timed(container.start)
    return pod, container, (run, create, start)


def death(pod, container):
    times = [timed(container.stop, grace=0)[1], timed(container.remove)[1], timed(pod.stop)[1], timed(pod.remove)[1]]
    return times


def life(rigs, results, given):
    """One pod after the other, on the host's network and with a bridge; the first of each is for warming up."""
    for rig in rigs:
        rig.need("busybox:latest")
    for where, config in (("host network", HOST), ("bridge", {})):
        rounds = given.rounds if config else max(3, given.rounds // 2)
        for number, rig in alternating(rigs, rounds + 1):
            pod, container, (run, create, start) = birth(rig, config)
            execution = timed(container.exec, "true")[1]
            stop_container, remove_container, stop_pod, remove_pod = death(pod, container)
            if number == 0:
                continue
            name = rig.daemon.name
            for call, value in (("RunPodSandbox", run), ("CreateContainer", create), ("StartContainer", start),
                                ("StopContainer", stop_container), ("RemoveContainer", remove_container),
                                ("StopPodSandbox", stop_pod), ("RemovePodSandbox", remove_pod)):
                results.add(f"{call}, {where}", name, value)
            results.add(f"run+create+start, {where}", name, run + create + start)
            results.add(f"stop+remove of both, {where}", name, stop_container + remove_container + stop_pod + remove_pod)
            if config:
                results.add("ExecSync", name, execution)


def parallel(rigs, results, given, at_once=8):
    """Eight lives at a time."""
    for rig in rigs:
        rig.need("busybox:latest")
    with ThreadPoolExecutor(at_once) as pool:
        for number, rig in alternating(rigs, max(2, given.rounds // at_once) + 1):
            born = list(pool.map(lambda _: birth(rig, HOST), range(at_once)))
            died = list(pool.map(lambda one: death(one[0], one[1]), born))
            if number == 0:
                continue
            for (*_, times), ends in zip(born, died):
                results.add(f"run+create+start, {at_once} at once", rig.daemon.name, sum(times))
                results.add(f"stop+remove of both, {at_once} at once", rig.daemon.name, sum(ends))


# ---- images ----

def large_image(layers=8, files=120, size=64 << 10):
    """About 100 MB on the wire: half of the files do not compress, half do by two."""
    source = random.Random(1)
    made = []
    for number in range(layers):
        entries = [entry(f"l{number}/r{n}", source.randbytes(size)) for n in range(files)]
        entries += [entry(f"l{number}/h{n}", source.randbytes(size // 2).hex().encode()) for n in range(files)]
        made.append(Layer(entries))
    return busybox(*made)


def pull(rigs, results, given):
    image = large_image()
    wire = sum(len(layer.data) for layer in image.layers)
    results.notes.append(f"the image of pulls has {len(image.layers)} layers, {wire / 1e6:.0f} MB on the wire")
    references = {rig: rig.registries.push("large:latest", image) for rig in rigs}
    for number, rig in alternating(rigs, given.pulls + 1):
        before = processor_time(rig.started.pid, children=True)
        _, wall = timed(rig.pull, references[rig], timeout=300)
        spent = processor_time(rig.started.pid, children=True) - before
        rig.remove_image(references[rig])
        time.sleep(1)  # what it removes later is not to be the next one's burden
        if number:
            results.add("pull of 100 MB: wall", rig.daemon.name, wall)
            results.add("pull of 100 MB: processor", rig.daemon.name, spent * 1000)


# ---- many pods ----

def many_pods(rigs, results, given):
    for rig in rigs:
        rig.need("busybox:latest")
        name = rig.daemon.name
        rig.restart()
        time.sleep(4)
        results.add("daemon without pods", name, pss(rig.started.pid), "KiB")
        empty = helpers(rig, set())
        with ThreadPoolExecutor(4) as pool:
            born = list(pool.map(lambda _: birth(rig, HOST), range(given.pods)))
        results.add("daemon with pods, at once", name, pss(rig.started.pid), "KiB")
        time.sleep(3)
        workload = {pid for _, container, _ in born for pid in container.pids()}
        found = helpers(rig, workload)
        results.add("helpers of an idle pod", name, (sum(found.values()) - sum(empty.values())) / given.pods, "KiB")
        results.add("daemon with pods", name, pss(rig.started.pid), "KiB")
        ask_like_kubelet(rig)
        results.add("daemon with pods, asked by kubelet", name, pss(rig.started.pid), "KiB")
        time.sleep(3)
        before = scheduled(rig.started.pid)
        time.sleep(10)
        results.add("daemon's idle processor time", name, (scheduled(rig.started.pid) - before) * 10, "%")
        for _ in range(5):
            results.add("start to ready with pods", name, restart(rig))
        results.add("ListContainers with pods", name, min(timed(rig.containers)[1] for _ in range(20)))
        for pod, container, _ in born:
            death(pod, container)


def ask_like_kubelet(rig, seconds=10):
    """Pods and containers each second, the status every five, and the figures of images every ten."""
    for second in range(seconds):
        rig.pods(), rig.containers()
        if second % 5 == 0:
            rig.client.Status()
        if second % 10 == 0:
            rig.client.ImageFsInfo(), rig.images()
        time.sleep(1)


def restart(rig):
    """From the start of the process to the first answer to Version, both included."""
    rig.kill()
    begun = time.perf_counter()
    rig.started = rig.place.spawn(*rig.daemon.command(**rig.configuration), log=rig.daemon.log)
    path = str(rig.place.path(rig.daemon.socket))
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)
            break
        except OSError:
            time.sleep(0.0005)
    client = Client(path)
    while True:
        try:
            client.Version(wait_for_ready=True)
            break
        except grpc.RpcError:
            time.sleep(0.0005)  # containerd listens before it has read what there is
    spent = (time.perf_counter() - begun) * 1000
    rig.client.close()
    rig.client = client
    return spent


def helpers(rig, workload):
    """PSS in KiB of every process of the place but the daemon, what the rig itself runs, and what pods are for."""
    found = {}
    for pid in rig.place.processes():
        if pid not in workload:
            found[pid] = pss_of(rig.place.root / "proc" / str(pid) / "smaps_rollup")
    return found


def pss(pid):
    return pss_of(f"/proc/{pid}/smaps_rollup")


def pss_of(path):
    try:
        with open(path) as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def scheduled(pid):
    """Seconds of a process, of its threads that have ended too: to the nanosecond, for a tick is a tenth of a percent of
    ten seconds. By the number that clock_getcpuclockid(3) gives."""
    return time.clock_gettime(~pid << 3 | 2)


def processor_time(pid, children=False):
    """Seconds of a process, with those of its children that it has waited for."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15 if children else 13]) / TICK
