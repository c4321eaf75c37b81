import Foundation
import PackagePlugin

/// Has the stage compiled and embedded into the target that uses the plugin: `stageImage`, `stageImageSize`.
@main struct EmbedStagePlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let sources = context.package.directoryURL.appending(path: "Sources")
        let output = context.pluginWorkDirectoryURL.appending(path: "StageImage.swift")
        // Each file by name: a directory as an input is not looked into when the build is brought up to date.
        let inputs = try ["CStage", "CStage/include", "Stage", "CKernel/include"].flatMap { directory in
            try FileManager.default.contentsOfDirectory(
                at: sources.appending(path: directory), includingPropertiesForKeys: nil
            ).filter { ["c", "h", "def", "S"].contains($0.pathExtension) }
        }.sorted { $0.path < $1.path }
        return [
            .buildCommand(
                displayName: "Embedding the stage",
                executable: try context.tool(named: "EmbedStage").url,
                arguments: [sources.path, output.path],
                inputFiles: inputs, outputFiles: [output])
        ]
    }
}
