import Diagnosis
import Glibc
import Kernel
import MonitorProtocol

extension Monitor {
    func follow(
        _ request: MonitorRequest, _ descriptors: PassedDescriptors, _ asker: Asker
    ) throws(MonitorFailure) {
        switch request {
        case .hello:
            asker.connection.hasGreeted = true
            reply(asker, .hello(version: Wire.version, pid: ProcessControl.ownPID))
        case .prepare(let preparation): try prepare(preparation, asker)
        case .create(let creation): try create(creation, asker)
        case .run(let command): try run(command, asker)
        case .exec(let execution): try exec(execution, descriptors, asker)
        case .cancel(let number): try cancel(number, asker)
        case .reopenLog(let id):
            let container = try container(id)
            guard let orders else { return reply(asker, .done) }
            container.reopeners.append(asker)
            orders.post(.reopen(key: container.key))
        case .kill(let id, let signal): try kill(try container(id), signal, asker)
        case .wait(let id):
            let container = try container(id)
            if let report = container.report {
                reply(asker, .exited(report))
            } else {
                container.waiters.append(asker)
            }
        case .subscribe:
            asker.connection.isSubscribed = true
            reply(asker, .done)
        case .list:
            for container in containers.values { record(container) }
            reply(asker, .containers(list()))
        case .forget(let id): try forget(try container(id), asker)
        case .shutdown(let force): try shutDown(force, asker)
        case .resize(let id, let rows, let columns):
            let container = try container(id)
            guard let terminal = container.terminalNumber else {
                throw MonitorFailure(.invalid, "the container \(id) has no terminal")
            }
            try MonitorFailure.blaming { () throws(SystemError) in
                try Terminal.resize(terminal, rows: rows, columns: columns)
            }
            reply(asker, .done)
        case .closeInput(let id):
            try container(id).input = nil
            reply(asker, .done)
        }
    }

    func container(_ id: String) throws(MonitorFailure) -> Container {
        guard let container = containers[id] else {
            if isBeingBorn(id) { throw MonitorFailure(.busy, "the container \(id) is being made") }
            throw MonitorFailure(.unknownContainer, "there is no container \(id) here")
        }
        return container
    }

    private func list() -> [MonitoredContainer] {
        containers.values.sorted { $0.key < $1.key }
            .map { MonitoredContainer(id: $0.id, pid: $0.pid, exit: $0.report) }
    }

    private func prepare(_ preparation: Preparation, _ asker: Asker) throws(MonitorFailure) {
        // Afterwards there is a second thread, which the helper would not have.
        if isPrepared || orders != nil || !jobs.isEmpty {
            throw MonitorFailure(.busy, "namespaces are made once, before the pod's first container")
        }
        var maker = try NamespaceMaker(preparation)
        pause = try maker.make()
        isPrepared = true
        reply(asker, .prepared(pause: pause))
    }

    private func kill(_ container: Container, _ signal: Int32, _ asker: Asker) throws(MonitorFailure) {
        // Nobody else reaps it: until it is reaped here its pid is its own.
        if container.end == nil {
            do throws(SystemError) {
                try ProcessControl.signal(pid: container.pid, signal)
            } catch {
                throw MonitorFailure(.system, error.description, errno: error.errno.rawValue)
            }
            return reply(asker, .done)
        }
        throw MonitorFailure(
            .system, "send signal \(signal): the container \(container.id) has ended", errno: ESRCH)
    }

    private func forget(_ container: Container, _ asker: Asker) throws(MonitorFailure) {
        guard container.report != nil else {
            throw MonitorFailure(.busy, "the container \(container.id) has not ended")
        }
        orders?.post(.close(key: container.key))
        for waiting in container.reopeners { reply(waiting, .done) }
        container.reopeners = []
        containers[container.id] = nil
        try? FileTree.unlink(exitPath(container))
        reply(asker, .done)
    }

    private func shutDown(_ force: Bool, _ asker: Asker) throws(MonitorFailure) {
        if !isIdle && !force {
            let living = containers.values.count { $0.report == nil }
            throw MonitorFailure(
                .busy, "\(living) containers and \(jobs.count + processes.count) other processes live")
        }
        for job in jobs.values { end(job, .cancelled) }
        for process in processes.values { end(process, .cancelled) }
        for container in containers.values where container.end == nil {
            try? ProcessControl.signal(pid: container.pid, SIGKILL)
        }
        isLeaving = true
        leaveAskers.append(asker)
    }

    /// What the logs' thread has done.
    func take(_ news: LogNews) {
        switch news {
        case .drained(let key):
            guard let container = containers.values.first(where: { $0.key == key }) else { return }
            if container.end != nil { tell(container) }
        case .reopened(let key, let failure):
            guard let container = containers.values.first(where: { $0.key == key }),
                !container.reopeners.isEmpty
            else { return }
            let asker = container.reopeners.removeFirst()
            if let failure {
                reply(
                    asker,
                    .failed(
                        MonitorFailure(.system, failure.description, errno: failure.errno.rawValue)))
            } else {
                reply(asker, .done)
            }
        }
    }
}
