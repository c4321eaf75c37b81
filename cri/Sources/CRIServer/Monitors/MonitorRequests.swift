import CRISpec
import Diagnosis
import Foundation
import Glibc
import Kernel
import MonitorProtocol

/// How a process of ExecSync ended, and what it wrote.
struct ExecEnd: Sendable {
    /// Nil if its time was up.
    let code: Int32?
    let output: Data
    let errors: Data
}

extension MonitorClient {
    /// What a runtime gets of the daemon's environment.
    private static let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
    /// Milliseconds that a runtime may take to make a container.
    private static let creationLimit = TimeLimits.milliseconds(TimeLimits.runtime)

    /// Has a runtime make a container, whose init it then watches over.
    ///
    /// - Returns: init's pid.
    func create(
        _ id: String, _ handler: RuntimeHandler, bundle: String, pidFile: String,
        _ compiled: CompiledContainer
    ) async throws -> Int32 {
        let socket = compiled.hasTerminal ? bundle + "/console.sock" : nil
        let command = RuntimeCommand(
            handler.create(id, bundle: bundle, pidFile: pidFile, consoleSocket: socket),
            environment: Self.environment, timeLimit: Self.creationLimit)
        return try await create(
            Creation(
                id: id, command: command, pidFile: pidFile, log: compiled.logPath,
                keepsInput: compiled.hasInput,
                consoleSocket: socket))
    }

    /// Runs a runtime's command that needs no more than that.
    func run(_ command: [String]) async throws -> CommandResult {
        let outcome = try await run(
            RuntimeCommand(command, environment: Self.environment, timeLimit: Self.creationLimit))
        return CommandResult(
            status: outcome.status, output: String(decoding: outcome.output, as: UTF8.self),
            errors: String(decoding: outcome.errors, as: UTF8.self))
    }

    /// Has a runtime start a further process in a container, and waits for its end.
    ///
    /// - Parameters:
    ///   - runtimeLog: where the command says what went wrong.
    ///   - outputLimit: bytes of each stream that are kept.
    ///   - patience: milliseconds; 0 is for ever.
    func exec(
        _ command: [String], pidFile: String, runtimeLog: String, outputLimit: Int, patience: UInt32
    ) async throws -> ExecEnd {
        let execution = Execution(
            command: RuntimeCommand(command, environment: Self.environment, timeLimit: patience),
            pidFile: pidFile,
            runtimeLog: runtimeLog)
        let input = try NullInput()
        let output = try CapturedOutput(limit: outputLimit)
        let errors = try CapturedOutput(limit: outputLimit)
        let code = try await endCode(
            of: execution, descriptors: [input.file.number, output.writeNumber, errors.writeNumber])
        withExtendedLifetime(input) {}
        return ExecEnd(code: code, output: await output.end(), errors: await errors.end())
    }

    /// - Returns: nil if its time was up.
    private func endCode(
        of execution: Execution, descriptors: [Int32]
    ) async throws -> Int32? {
        do {
            return try await exec(execution, standard: descriptors).exitCode
        } catch MonitorError.refused(let failure) where failure.kind == .timedOut {
            return nil
        }
    }
}

/// A null device of its own, to read from: a runtime may give it to the process's user.
private final class NullInput: Sendable {
    let file: FileDescriptor

    init() throws(SystemError) { file = try NullDevice.open() }
}
