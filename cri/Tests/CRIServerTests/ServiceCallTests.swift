import CRIProto
import CRIServer
import Diagnosis
import GRPCCore
import GRPCProtobuf
import Glibc
import Kernel
import Foundation
import Synchronization
import Testing

/// Calls through the socket, as a kubelet makes them.
@Suite(.timeLimit(.minutes(1))) struct ServiceCallTests {
    typealias Runtime = ServiceClient.Runtime
    typealias Images = ServiceClient.Images

    @Test func versionNamesTheRuntimeAndTheInterface() async throws {
        let answer = try await withDaemon { client, _, _ in
            try await client.call(
                Runtime.Version.descriptor, Runtime_V1_VersionRequest(),
                answer: Runtime_V1_VersionResponse.self)
        }
        #expect(answer.runtimeName == "apus")
        #expect(answer.runtimeApiVersion == "v1")
        // kubelet refuses a runtime that leaves one of them empty.
        #expect(!answer.version.isEmpty && !answer.runtimeVersion.isEmpty)
    }

    @Test func statusHasConditionsHandlersAndDetailsOnlyIfTheyAreWanted() async throws {
        var runtime = ScriptedRuntime()
        runtime.information = RuntimeInformation(
            cgroupDriver: .systemd,
            handlers: {
                [
                    .init(name: "", recursiveReadOnlyMounts: true, userNamespaces: true),
                    .init(name: "crun", recursiveReadOnlyMounts: true, userNamespaces: false),
                ]
            },
            networkReady: {
                .init(met: false, reason: "NoNetworkConfig", message: "no list in /etc/cni/net.d")
            },
            details: { ["network": "{}"] })
        try await withDaemon(runtime) { client, _, _ in
            let brief = try await client.call(
                Runtime.Status.descriptor, Runtime_V1_StatusRequest(), answer: Runtime_V1_StatusResponse.self)
            #expect(brief.status.conditions.map(\.type) == ["RuntimeReady", "NetworkReady"])
            #expect(brief.status.conditions.map(\.status) == [true, false])
            #expect(brief.status.conditions[1].reason == "NoNetworkConfig")
            #expect(brief.runtimeHandlers.map(\.name) == ["", "crun"])
            #expect(brief.runtimeHandlers.map(\.features.userNamespaces) == [true, false])
            #expect(brief.features.supplementalGroupsPolicy)
            #expect(brief.info.isEmpty)
            _ = try await client.call(
                Runtime.UpdateRuntimeConfig.descriptor,
                Runtime_V1_UpdateRuntimeConfigRequest.with {
                    $0.runtimeConfig.networkConfig.podCidr = "10.88.0.0/16,fd00::/64"
                },
                answer: Runtime_V1_UpdateRuntimeConfigResponse.self)
            let verbose = try await client.call(
                Runtime.Status.descriptor, Runtime_V1_StatusRequest.with { $0.verbose = true },
                answer: Runtime_V1_StatusResponse.self)
            #expect(verbose.info["network"] == "{}")
            #expect(verbose.info["config"]?.contains(#""podCIDR":"10.88.0.0/16,fd00::/64""#) == true)
        }
    }

    @Test func runtimeConfigTellsTheDriver() async throws {
        for (driver, expected) in [
            (RuntimeInformation.CgroupDriver.systemd, Runtime_V1_CgroupDriver.systemd),
            (.cgroupfs, .cgroupfs),
        ] {
            var runtime = ScriptedRuntime()
            runtime.information.cgroupDriver = driver
            let answer = try await withDaemon(runtime) { client, _, _ in
                try await client.call(
                    Runtime.RuntimeConfig.descriptor, Runtime_V1_RuntimeConfigRequest(),
                    answer: Runtime_V1_RuntimeConfigResponse.self)
            }
            #expect(answer.linux.cgroupDriver == expected)
        }
    }

    @Test(arguments: ["10.88.0.0", "10.88.0.0/33", "fd00::/129", "10.88.0.0/16,", "x/8", "10.88.0.0/+8"])
    func aPodCIDRThatIsNoneIsRefused(_ range: String) throws {
        let information = ScriptedRuntime().information
        let error = try #require(throws: CRIError.self) {
            _ = try information.updateRuntimeConfig(.with { $0.runtimeConfig.networkConfig.podCidr = range })
        }
        #expect(error.code == .invalidArgument)
        #expect(error.message.hasPrefix("/runtime_config/network_config/pod_cidr: "))
    }

    @Test func callsThatAreNotThereSaySo() async throws {
        try await withDaemon { client, _, _ in
            let error = try await client.failure {
                _ = try await client.call(
                    Runtime.CheckpointContainer.descriptor, Runtime_V1_CheckpointContainerRequest(),
                    answer: Runtime_V1_CheckpointContainerResponse.self)
            }
            #expect(error?.code == .unimplemented)
            #expect(error?.message == "CheckpointContainer is not supported")
            for service in ["runtime.v1alpha2.RuntimeService", "runtime.v1.RuntimeService"] {
                let method = MethodDescriptor(fullyQualifiedService: service, method: "Versions")
                let unknown = try await client.failure {
                    _ = try await client.call(
                        method, Runtime_V1_VersionRequest(), answer: Runtime_V1_VersionResponse.self)
                }
                #expect(unknown?.code == .unimplemented, "\(service)")
            }
        }
    }

    @Test func whatIsNoMessageIsRefused() async throws {
        struct Garbage: MessageSerializer {
            func serialize<Bytes: GRPCContiguousBytes>(_ message: Runtime_V1_VersionRequest) throws -> Bytes {
                // A field that goes on for longer than there is.
                Bytes([0x0a, 0x7f, 0x00])
            }
        }
        try await withDaemon { client, _, _ in
            let error = try await client.failure {
                _ = try await client.client.unary(
                    request: ClientRequest(message: Runtime_V1_VersionRequest()),
                    descriptor: Runtime.Version.descriptor, serializer: Garbage(),
                    deserializer: ProtobufDeserializer<Runtime_V1_VersionResponse>(), options: .defaults
                ) { try $0.message }
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    @Test func everyCallOfTheInterfaceIsRegistered() async throws {
        let methods =
            Runtime_V1_RuntimeService.Method.descriptors + Runtime_V1_ImageService.Method.descriptors
        #expect(methods.count == 43)
        try await withDaemon { client, _, _ in
            for method in methods {
                // An empty message is one of every type.
                let error = try await client.failure {
                    _ = try await client.call(
                        method, Runtime_V1_VersionRequest(), answer: Runtime_V1_VersionResponse.self)
                }
                // What the router says of a method that it does not know.
                #expect(error?.message != "Requested RPC isn't implemented by this server.", "\(method)")
            }
        }
    }

    @Test func aStreamGivesItsMessagesAndThenItsError() async throws {
        var runtime = ScriptedRuntime()
        runtime.events = (1...300).map { number in .with { $0.containerID = "c\(number)" } }
        try await withDaemon(runtime) { client, _, _ in
            let (ids, error) = try await client.events()
            #expect(ids == (1...300).map { "c\($0)" })
            #expect(error?.code == .aborted)
        }
    }

    @Test func aRequestHasKubeletsLimitAndNotGRPCs() async throws {
        // gRPC's is 4 MiB, kubelet's 16.
        var runtime = ScriptedRuntime()
        runtime.onExecSync = { request, _ in .with { $0.exitCode = Int32(request.cmd[0].utf8.count) } }
        try await withDaemon(runtime) { client, _, _ in
            let request = Runtime_V1_ExecSyncRequest.with {
                $0.cmd = [String(repeating: "x", count: 6 << 20)]
            }
            let answer = try await client.call(
                Runtime.ExecSync.descriptor, request, answer: Runtime_V1_ExecSyncResponse.self)
            #expect(answer.exitCode == 6 << 20)
            let larger = Runtime_V1_ExecSyncRequest.with {
                $0.cmd = [String(repeating: "x", count: 17 << 20)]
            }
            let error = try await client.failure {
                _ = try await client.call(
                    Runtime.ExecSync.descriptor, larger, answer: Runtime_V1_ExecSyncResponse.self)
            }
            #expect(error != nil)
            _ = try await client.call(
                Runtime.Version.descriptor, Runtime_V1_VersionRequest(),
                answer: Runtime_V1_VersionResponse.self)
        }
    }

    @Test func whatAHandlerThrowsIsTheStatus() async throws {
        var runtime = ScriptedRuntime()
        runtime.onContainerStatus = { throw CRIError.notFound("container", $0.containerID) }
        let log = LogLines()
        try await withDaemon(runtime, log: log) { client, _, _ in
            let error = try await client.failure {
                _ = try await client.call(
                    Runtime.ContainerStatus.descriptor,
                    Runtime_V1_ContainerStatusRequest.with { $0.containerID = "c7" },
                    answer: Runtime_V1_ContainerStatusResponse.self)
            }
            #expect(error?.code == .notFound)
            #expect(error?.message == #"no container "c7""#)
        }
        let line = try #require(log.all.first { $0.contains("ContainerStatus") })
        #expect(line.contains(" info ") && line.contains("container=c7") && line.contains("code=notFound"))
        #expect(line.contains("call=1 ") && line.contains("seconds=0."))
    }
}
