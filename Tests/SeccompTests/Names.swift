import CSeccomp
import Foundation

@testable import Seccomp

extension CallingConvention {
    /// Whether libseccomp finds the name again by its number. It has given two calls that only exist on
    /// PowerPC one pseudo number, and confuses them.
    func hasName(_ name: String) -> Bool {
        guard let found = seccomp_syscall_resolve_num_arch(token, number(of: name)) else { return false }
        defer { free(found) }
        return String(cString: found) == name
    }

    /// The names of all numbers below 1000 above the table's base, as libseccomp has them.
    var everyName: [String] {
        let bases: [Int32] = [0, 0x4000_0000, 4000, 5000, 6000, 0x0f_0000]
        return bases.flatMap { base in
            (base..<base + 1000).compactMap { number -> String? in
                guard let name = seccomp_syscall_resolve_num_arch(token, number) else { return nil }
                defer { free(name) }
                let found = String(cString: name)
                return self.number(of: found) == number ? found : nil
            }
        }
    }
}
