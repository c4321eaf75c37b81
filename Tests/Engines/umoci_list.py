"""What somebody does who has a registry, skopeo, umoci and a runtime, and no engine."""

import os

import debian
import processes
from entries import Entries
from umoci import USER, Umoci

entry = Entries("umoci")


@entry("run: the image's command, on a terminal of its size, exit status 0")
def shell(e: Umoci):
    got = e.run(e.unpacked("busybox"), typed="tty; stty size; echo $((6 * 7)); exit\n")
    assert got.status == 0 and all(line in got.out.splitlines() for line in ("/dev/pts/0", "30 100", "42")), got


@entry("run: exit statuses 7, 126, 127")
def statuses(e: Umoci):
    for status in (7, 126, 127):
        got = e.run(e.unpacked(e.command("busybox", "sh", "-c", f"exit {status}")))
        assert got.status == status, got


@entry("run: ended by a signal, 128 + 9")
def signalled(e: Umoci):
    got = e.run(e.unpacked(e.command("busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?")))
    assert got.status == 137, got


@entry("run: a program that is missing is named, and nothing is left")
def missing(e: Umoci):
    got = e.run(e.unpacked(e.command("busybox", "no-such-program")))
    assert got.status != 0 and "no-such-program" in got.out and "not found" in got.out.lower(), got
    assert not e.left()


@entry("the image's entry point, command, environment and working directory")
def entry_point(e: Umoci):
    options = ("--config.entrypoint=sh", "--config.entrypoint=-c", "--config.entrypoint=echo $0 $1 $GREETING; pwd; exit 4",
               "--config.env=GREETING=good day", "--config.workingdir=/srv/new")
    got = e.run(e.unpacked(e.command("busybox", "first", "second", options=options)))
    assert (got.status, got.out) == (4, "first second good day\n/srv/new\n"), got


@entry("the image's user by name, with a group and with those that it is in")
def user(e: Umoci):
    script = "id -u; id -g; id -G"
    for name, said in (("guest", "1000\n1000\n1000 50\n"), ("guest:staff", "1000\n50\n50\n"), ("1234:5", "1234\n5\n5\n")):
        got = e.run(e.unpacked(e.command("busybox", "sh", "-c", script, options=[f"--config.user={name}"])))
        assert (got.status, got.out) == (0, said), got


@entry("capabilities of a user: those that umoci makes ambient, and no new privileges")
def ambient(e: Umoci):
    words = ("grep", "-E", "^(CapAmb|CapEff|CapBnd|NoNewPrivs):", "/proc/self/status")
    got = e.run(e.unpacked(e.command("busybox", *words, options=["--config.user=guest"])))
    # KILL, NET_BIND_SERVICE, AUDIT_WRITE.
    three = f"{1 << 5 | 1 << 10 | 1 << 29:016x}"
    assert got.out.split() == ["CapEff:", three, "CapBnd:", three, "CapAmb:", three, "NoNewPrivs:", "1"], got


@entry("the image's volume: a file system that is not the image's")
def volume(e: Umoci):
    write = ("sh", "-c", "echo mine >/data/file && cat /data/file")
    bundle = e.unpacked(e.command("busybox", *write, options=["--config.volume=/data"]))
    got = e.run(bundle)
    assert (got.status, got.out) == (0, "mine\n"), got
    assert not (bundle / "rootfs/data/file").exists()


@entry("Debian: bash, perl, dpkg and apt-get as nobody, the image's user")
def debian_programs(e: Umoci):
    script = r"""set -o pipefail; words=(one "two words"); printf '<%s>' "${words[@]}" && echo; id -un; id -gn
                 perl -e 'print join(",", map { $_ ** 2 } 1..3), "\n"'
                 dpkg -l | grep -c '^ii  \(bash\|apt\|coreutils\) ' && apt-get --version | grep -o '^apt [0-9]'
                 passwd --status; touch /etc/mine"""
    got = e.run(e.unpacked(e.command(debian.NOBODY, "bash", "-c", script)))
    lines = got.out.splitlines()
    assert got.status == 1 and lines[:6] == ["<one><two words>", "nobody", "nogroup", "1,4,9", "3", "apt 2"], got
    # passwd is set-uid, and umoci's configuration has no new privileges: it may not see in /etc/shadow that this is "L".
    assert lines[6] == "nobody P" and "/etc/mine" in lines[7] and "Permission denied" in lines[7], got


@entry("insert: a layer with a program, which is the command")
def insert(e: Umoci):
    tag, program = e.command("busybox", "/opt/program"), e.dir / e.unique("program")
    program.write_text("#!/bin/sh\necho inserted\nexit 6\n")
    program.chmod(0o755)
    e.umoci("insert", "--image", f"{e.layout}:{tag}", program, "/opt/program")
    got = e.run(e.unpacked(tag))
    assert (got.status, got.out) == (6, "inserted\n"), got


@entry("repack: what containers have written and removed is in a layer, with owners and modes")
def repack(e: Umoci):
    script = "echo mine >/tmp/file && chmod 4711 /tmp/file && ln -s file /tmp/link && mkdir /tmp/new && rm -f /home/old"
    bundle = e.unpacked(e.command("busybox", "sh", "-c", script, options=["--config.user=guest"]))
    (bundle / "rootfs/home").chmod(0o777)
    (bundle / "rootfs/home/old").write_text("old\n")
    changed = e.unpacked(e.repacked(bundle))
    assert (changed / "rootfs/home/old").exists() and not (changed / "rootfs/tmp/file").exists()
    assert e.run(changed).status == 0
    look = ("sh", "-c", "cat /tmp/link; stat -c '%U %a' /tmp/file; stat -c %U /tmp/new; ls /home | wc -l")
    got = e.run(e.unpacked(e.command(e.repacked(changed), *look)))
    assert (got.status, got.out) == (0, "mine\nguest 4711\nguest\n0\n"), got


@entry("skopeo to the registry and back: what is run is the same")
def through_registry(e: Umoci):
    tag = e.command("busybox", "sh", "-c", "echo there and back; exit 8")
    there, back = f"docker://{e.registry.address}/apus/{tag}:1", e.unique("tag")
    e.registry.copy(f"oci:{e.layout}:{tag}", there)
    e.registry.copy(there, f"oci:{e.layout}:{back}")
    got = e.run(e.unpacked(back))
    assert (got.status, got.out) == (8, "there and back\n"), got


@entry("create, start, exec, kill and delete, without a terminal")
def life(e: Umoci):
    bundle, id = e.unpacked(e.command("busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done")), e.unique()
    e.without_terminal(bundle)
    # What is created has the caller's output, and waits.
    e.spawn(*e.words("create", "--bundle", bundle, id))
    e.wait_for(lambda: e.status(id) == "created", "the container to be created")
    for words in (("start", id), ("exec", id, "sh", "-c", "test -e /bin/busybox")):
        got = e.call(*e.words(*words))
        assert got.status == 0, got
    assert e.call(*e.words("exec", id, "sh", "-c", "exit 9")).status == 9
    assert e.call(*e.words("kill", id, "TERM")).status == 0
    e.wait_for(lambda: e.status(id) == "stopped", "the container to be stopped")
    assert e.call(*e.words("delete", id)).status == 0
    assert not e.left()


@entry("skopeo, unpack --rootless and run as a user: root inside, nobody outside")
def rootless(e: Umoci):
    home = e.dir / e.unique("home")
    home.mkdir()
    os.chown(home, USER, USER)
    user = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
            "env", f"HOME={home}", f"XDG_RUNTIME_DIR={home}", f"TMPDIR={home}")
    for source, program in ((e.registry.busybox, "sh"), (e.registry.debian, "bash")):
        image, bundle = f"{home}/layout:{program}", home / program
        e.registry.copy(f"docker://{source}", f"oci:{image}", prefix=user)
        command = (program, "-c", "id -u; cat /proc/self/uid_map; touch /mine; exit 3")
        e.umoci("config", "--image", image, *(f"--config.cmd={word}" for word in command), prefix=user)
        e.umoci("unpack", "--rootless", "--image", image, bundle, prefix=user)
        got = e.on_terminal(*user, e.runtime.path, "--root", home / "state", "run", "--bundle", bundle, e.unique())
        assert got.status == 3 and got.out.split() == ["0", "0", str(USER), "1"], got
        assert (bundle / "rootfs/mine").stat().st_uid == USER


@entry("nothing is left of what ran")
def nothing_left(e: Umoci):
    assert not e.left()
    assert not processes.with_words("--bundle", "--root", str(e.state))
