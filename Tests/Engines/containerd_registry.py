"""containerd: images that `ctr` pulls from a registry, and Debian's programs in them."""

from entries import Entries

entry = Entries("containerd")


def pull(e, reference):
    return e.ctr("images", "pull", "--plain-http", "--snapshotter", e.snapshotter, reference, timeout=300)


def pulled(e, reference):
    """The image, pulled if it is not there."""
    if reference not in e.ctr("images", "ls", "-q").out.split():
        got = pull(e, reference)
        assert got.status == 0, got
    return reference


def debian(e):
    return pulled(e, e.registry.debian)


def nobody(e):
    return pulled(e, e.registry.nobody)


@entry("pull by tag, and Debian's bash, perl, dpkg and apt-get")
def tag(e):
    script = r"""set -o pipefail; words=(one "two words"); printf '<%s>' "${words[@]}" && echo
                 perl -e 'print join(",", map { $_ ** 2 } 1..3), "\n"'
                 dpkg -l | grep -c '^ii  \(bash\|apt\|coreutils\) ' && apt-get --version | grep -o '^apt [0-9]'
                 dpkg --verify | grep -v /usr/share || echo unchanged"""
    got = e.sh(script, shell="bash", of=debian(e))
    assert (got.status, got.out) == (0, "<one><two words>\n1,4,9\n3\napt 2\nunchanged\n"), got


@entry("pull by digest, and run by it")
def digest(e):
    of = e.registry.digest(e.registry.debian)
    got = pull(e, of)
    assert got.status == 0, got
    got = e.sh("cat /etc/debian_version", of=of)
    assert got.status == 0 and got.out.startswith("12."), got


@entry("the image's command is what runs: bash, on a terminal")
def terminal(e):
    words = e.command_of_run(options=["--rm", "--tty"], of=debian(e))
    got = e.on_terminal(*words, typed="echo $((6 * 7)) $0; exit 3\n")
    assert got.status == 3 and "42 bash" in got.out.splitlines(), got


@entry("the image's user: bash, perl and dpkg as nobody")
def user_of_image(e):
    script = "id -un; perl -e 'print \"$> $(\\n\"'; dpkg-query -W -f '${Package}\\n' bash; touch /etc/mine 2>&1"
    got = e.sh(script, shell="bash", of=nobody(e))
    lines = got.out.splitlines()
    assert lines[:3] == ["nobody", "65534 65534 65534", "bash"] and "Permission denied" in lines[3], got


@entry("a set-uid program makes a user root with --allow-new-privs only")
def set_uid(e):
    # That the account is locked says /etc/shadow, which only root and its group may read.
    for options, said in (([], "nobody P\n"), (["--allow-new-privs"], "nobody L ")):
        got = e.sh("passwd --status", options=options, of=nobody(e))
        assert got.status == 0 and got.out.startswith(said), got


@entry("a program with file capabilities has them as a user with --allow-new-privs only")
def file_capabilities(e):
    # Not the container's first program: that is executed with what the runtime has left it.
    ping = "ping -c 1 -w 5 127.0.0.1"
    got = e.sh(ping, of=nobody(e))
    assert got.status != 0 and "not permitted" in got.err, got
    got = e.sh(ping, options=["--allow-new-privs"], of=nobody(e))
    assert got.status == 0 and "1 received" in got.out, got
