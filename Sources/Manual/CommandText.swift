import Arguments

extension Verb {
    /// Paragraphs after those of the command's own help.
    var explanation: [String] {
        switch self {
        case .create:
            [
                "Namespaces, mounts, limits and the process's credentials are as they will be; hooks up to createContainer have run. When the command has ended, the container depends on it no longer, and `apus start` lets its process go.",
                "If anything fails, nothing is left of the container.",
            ]
        case .run:
            [
                "The container is deleted when its process has ended, unless `--detach` or `--keep` is given. Signals that the command gets go to the container's process; a terminal is handed on in raw mode."
            ]
        case .start:
            ["Hooks of the kinds startContainer and poststart run before the process and after it has begun."]
        case .state:
            [
                "The status is one of creating, created, running, paused and stopped, as it is now. The field pid is 0 for a stopped container."
            ]
        case .kill:
            [
                "KILL goes to every process of a container that shares its pid namespace, for the end of the first process would not be that of the others. A paused container dies of KILL."
            ]
        case .delete:
            [
                "Removes the cgroup with all below it and the state directory, and then runs the poststop hooks. One of those that fails is a warning."
            ]
        case .exec:
            [
                "The process joins the namespaces and the cgroup of the container, with the security settings of its config.json: capabilities, seccomp, AppArmor, SELinux, no_new_privs. Without `--process`, user, environment and directory are those of the bundle's process, and the options change them.",
                "Words after the ID are the command's own.",
            ]
        case .events:
            ["Keys and units are those of runc."]
        case .update:
            [
                "What is not mentioned stays as it is. Limits of a container without a cgroup cannot be changed."
            ]
        case .list:
            ["A container whose state cannot be read is reported on standard error, and left out."]
        case .spec:
            ["The file is what `runc spec` writes, so that the two can stand in for each other."]
        case .features:
            [
                "The document is that of the runtime specification (features.md). What depends on the kernel is said of the one that runs."
            ]
        default: []
        }
    }

    var examples: [Example] {
        switch self {
        case .create:
            [
                Example(
                    "A container that an engine will start, with its terminal handed to the engine:",
                    ["apus create --bundle /b --pid-file /b/pid --console-socket /b/console.sock mine"])
            ]
        case .run:
            [
                Example(
                    "In the foreground, with a configuration that is not in the bundle:",
                    ["apus run -b /b -f /etc/mine.json mine"]),
                Example(
                    "With a timeline of what takes how long:",
                    ["apus run -b /b --trace /tmp/trace.json mine"]),
            ]
        case .exec:
            [
                Example("A shell in a running container:", ["apus exec -t mine sh"]),
                Example(
                    "As another user, with a variable more:",
                    ["apus exec -u 1000:1000 -e LANG=C.UTF-8 mine id"]),
            ]
        case .kill:
            [
                Example("End all containers of a name:", ["apus kill --regex '^web-[0-9]+$' KILL"])
            ]
        case .delete: [Example("Whatever state they are in:", ["apus delete --force --regex '^web-'"])]
        case .update:
            [
                Example(
                    "At most two CPUs and half a gigabyte:",
                    ["apus update --cpu-quota 200000 --cpu-period 100000 --memory 512m mine"]),
                Example(
                    "Limits in the form of config.json:",
                    ["echo '{\"pids\":{\"limit\":100}}' | apus update -r - mine"]),
            ]
        case .events: [Example("Once:", ["apus events --stats mine"])]
        case .ps: [Example("With other columns:", ["apus ps mine -o pid,user,args"])]
        case .plan: [Example("As a container engine would have it:", ["apus plan --format json /b"])]
        default: []
        }
    }

    var exitStatus: String {
        switch self {
        case .run:
            "That of the container's process, or 128 and the number of the signal that ended it; 1 if there came to be none. With `--detach`, 0 if it runs."
        case .exec:
            "That of the process, or 128 and the number of the signal that ended it; 255 if there came to be none. With `--detach`, 0 if it runs."
        default: "0 if all went well, and else 1, with the reason on standard error."
        }
    }

    var related: [Verb] {
        switch self {
        case .create: [.start, .run, .spec, .plan]
        case .run: [.create, .exec]
        case .start: [.create, .delete]
        case .state: [.list]
        case .list: [.state]
        case .kill: [.delete, .pause]
        case .delete: [.kill]
        case .pause: [.resume]
        case .resume: [.pause]
        case .exec: [.run, .ps]
        case .ps: [.exec, .events]
        case .events: [.update, .ps]
        case .update: [.events]
        case .spec: [.create, .plan]
        case .plan: [.create, .spec]
        case .checkpoint: [.restore]
        case .restore: [.checkpoint]
        default: []
        }
    }
}
