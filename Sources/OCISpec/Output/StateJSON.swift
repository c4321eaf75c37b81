extension State {
    /// What `state` prints: runc's fields in runc's order, no newline at the end.
    public func json(indent: String? = "  ") -> String {
        var writer = JSONWriter(indent: indent)
        encode(to: &writer)
        return writer.text
    }

    /// What `list --format json` prints, with its newline: the states on one line; `null` for none, which
    /// is how Go writes the empty list.
    public static func listJSON(_ states: [State]) -> String {
        var writer = JSONWriter()
        if states.isEmpty {
            writer.null()
        } else {
            writer.array { writer in
                for state in states { state.encode(to: &writer) }
            }
        }
        return writer.text + "\n"
    }

    /// The state of the specification (runtime.md, "State") on one line, as hooks read it: without the
    /// fields that runc adds, and without `pid` when there is no process.
    public func hookJSON() -> String {
        var writer = JSONWriter()
        encodeSpecified(to: &writer)
        return writer.text
    }

    /// The container process state (config-linux.md) that accompanies the descriptor of a seccomp
    /// listener.
    ///
    /// - Parameters:
    ///   - pid: The process that the filter applies to, as the runtime sees it.
    ///   - metadata: The profile's `listenerMetadata`.
    public func seccompListenerJSON(pid: Int32, metadata: String?) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            writer.member("fds", ["seccompFd"])
            writer.member("pid", Int(pid))
            if let metadata, !metadata.isEmpty { writer.member("metadata", metadata) }
            writer.key("state")
            encodeSpecified(to: &writer)
        }
        return writer.text
    }

    private func encode(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            writer.member("id", id)
            writer.member("pid", Int(pid))
            writer.member("status", status.rawValue)
            writer.member("bundle", bundle)
            writer.member("rootfs", rootfs)
            writer.member("created", created)
            if !annotations.isEmpty { writer.member("annotations", annotations) }
            writer.member("owner", owner)
        }
    }

    private func encodeSpecified(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("ociVersion", ociVersion)
            writer.member("id", id)
            writer.member("status", status.rawValue)
            if pid != 0 { writer.member("pid", Int(pid)) }
            writer.member("bundle", bundle)
            if !annotations.isEmpty { writer.member("annotations", annotations) }
        }
    }
}
