import PackagePlugin

@main struct EmbedStagePlugin: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let sources = context.package.directoryURL.appending(path: "Sources")
        let output = context.pluginWorkDirectoryURL.appending(path: "StageImage.swift")
        let inputs = ["CStage", "Stage", "CKernel/include"].map { sources.appending(path: $0) }
        return [
            .buildCommand(
                displayName: "Embedding the stage",
                executable: try context.tool(named: "EmbedStage").url,
                arguments: [sources.path(), output.path()],
                inputFiles: inputs, outputFiles: [output])
        ]
    }
}
