import Arguments
import Diagnosis
import Presentation

extension Call {
    func plan() throws(Failure) {
        var creation = creation()
        if let bundle = operands.first {
            guard !options.isGiven(.bundle) else {
                throw Failure(
                    .option("--bundle"), reason: "the bundle is named twice, here and as an operand")
            }
            creation.bundle = bundle
        }
        switch options.text(.format) ?? "text" {
        case "text": try Output.print(Text.line(runtime.plan(creation).text))
        case "json": try Output.print(Text.line(runtime.plan(creation).json))
        case let other:
            throw Failure(.option("--format"), reason: "invalid value \"\(other)\": not text or json")
        }
    }
}
