import Diagnosis
import Kernel

extension ContainerRuntime {
    /// Does something to every container whose ID an extended regular expression is found in, as crun does. What
    /// fails for one of them is a warning, and the others have their turn.
    ///
    /// - Throws: for an expression that is none.
    public func forEach(
        matching expression: String, _ body: (_ id: String) throws(Failure) -> Void
    ) throws(Failure) {
        let compiled: ExtendedExpression
        do throws(ExtendedExpression.Malformed) {
            compiled = try ExtendedExpression(expression)
        } catch {
            throw Failure(
                .option("--regex"), reason: "invalid regular expression \"\(expression)\": \(error.reason)")
        }
        for id in try names() where compiled.matches(id) {
            do throws(Failure) { try body(id) } catch { settings.warn("\(id): \(error)") }
        }
    }
}
