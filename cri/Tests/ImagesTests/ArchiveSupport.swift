import CZlib
import CZstd

/// Archives as no well-behaved program writes them.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    /// Adds a member.
    ///
    /// - Parameters:
    ///   - type: of the header: `0` a file, `1` a hard link, `2` a symbolic link, `3` and `4` devices, `5` a directory,
    ///     `6` a FIFO.
    ///   - pax: records of an extended header before it.
    mutating func add(
        _ name: String, _ type: Character = "0", content: [UInt8] = [], link: String = "",
        mode: UInt32 = 0o644,
        uid: UInt32 = 0, gid: UInt32 = 0, time: UInt64 = 1_000_000_000, device: (UInt32, UInt32) = (0, 0),
        pax: [(String, [UInt8])] = []
    ) {
        add(
            Array(name.utf8), type, content: content, link: Array(link.utf8), mode: mode, uid: uid, gid: gid,
            time: time, device: device, pax: pax)
    }

    mutating func add(
        _ name: [UInt8], _ type: Character, content: [UInt8] = [], link: [UInt8] = [], mode: UInt32 = 0o644,
        uid: UInt32 = 0, gid: UInt32 = 0, time: UInt64 = 1_000_000_000, device: (UInt32, UInt32) = (0, 0),
        pax: [(String, [UInt8])] = []
    ) {
        var records = pax
        if name.count > 100 { records.append(("path", name)) }
        if link.count > 100 { records.append(("linkpath", link)) }
        if !records.isEmpty {
            let body = records.flatMap { Self.record($0.0, $0.1) }
            header(Array("pax".utf8), "x", size: body.count, link: [], 0o644, 0, 0, 0, (0, 0))
            append(body)
        }
        header(
            Array(name.prefix(100)), type, size: content.count, link: Array(link.prefix(100)), mode, uid, gid,
            time, device)
        append(content)
    }

    mutating func directory(_ name: String, mode: UInt32 = 0o755, time: UInt64 = 1_000_000_000) {
        add(name, "5", mode: mode, time: time)
    }

    /// Adds a sparse file as GNU's tar had them first: the map is in blocks behind the header, 21 extents each. All of
    /// them are empty but the last, which is the file's 512 bytes.
    mutating func oldSparse(_ name: String, blocks: Int) {
        let start = bytes.count
        header(Array(name.utf8), "S", size: 512, link: [], 0o644, 0, 0, 0, (0, 0))
        let empty = Array("00000000000\u{0}00000000000\u{0}".utf8)
        var block = Array(bytes[start...])
        block.replaceSubrange(257..<265, with: Array("ustar  \u{0}".utf8))
        for index in 0..<4 { block.replaceSubrange((386 + 24 * index)..<(410 + 24 * index), with: empty) }
        block[482] = 1
        block.replaceSubrange(483..<495, with: Array("00000001000\u{0}".utf8))
        block.replaceSubrange(148..<156, with: Array(repeating: 0x20, count: 8))
        let sum = String(block.reduce(0) { $0 + UInt64($1) }, radix: 8)
        let digits = Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8)
        block.replaceSubrange(148..<155, with: digits + [0])
        bytes.replaceSubrange(start..., with: block)
        var map = [UInt8](repeating: 0, count: 512)
        for index in 0..<21 { map.replaceSubrange((24 * index)..<(24 * index + 24), with: empty) }
        for index in 1...blocks {
            if index == blocks {
                map.replaceSubrange(480..<504, with: Array("00000000000\u{0}00000001000\u{0}".utf8))
            }
            map[504] = index < blocks ? 1 : 0
            bytes += map
        }
        bytes += [UInt8](repeating: 1, count: 512)
    }

    /// Adds a sparse file as pax has them: the map is at the beginning of the data. All extents are empty.
    mutating func paxSparse(_ name: String, extents: Int) {
        var map = Array("\(extents)\n".utf8)
        for _ in 0..<extents { map += [0x30, 0x0a, 0x30, 0x0a] }
        map += [UInt8](repeating: 0, count: (512 - map.count % 512) % 512)
        add(
            "GNUSparseFile.0/" + name, content: map,
            pax: [
                ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
                ("GNU.sparse.name", Array(name.utf8)), ("GNU.sparse.realsize", Array("4096".utf8)),
            ])
    }

    /// With the two blocks that end an archive.
    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// `LENGTH KEY=VALUE\n`, where the length counts itself.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0a]
        var length = rest.count + 1
        while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
        return Array("\(length)".utf8) + rest
    }

    private mutating func append(_ content: [UInt8]) {
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    private mutating func header(
        _ name: [UInt8], _ type: Character, size: Int, link: [UInt8], _ mode: UInt32, _ uid: UInt32,
        _ gid: UInt32, _ time: UInt64, _ device: (UInt32, UInt32)
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ value: [UInt8], at offset: Int) {
            block.replaceSubrange(offset..<(offset + value.count), with: value)
        }
        func octal(_ value: UInt64, _ digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: digits - text.count) + text).utf8)
        }
        put(name, at: 0)
        put(octal(UInt64(mode), 7), at: 100)
        put(octal(UInt64(uid), 7), at: 108)
        put(octal(UInt64(gid), 7), at: 116)
        put(octal(UInt64(size), 11), at: 124)
        put(octal(time, 11), at: 136)
        put(Array(repeating: 0x20, count: 8), at: 148)
        put(Array(String(type).utf8), at: 156)
        put(link, at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(octal(UInt64(device.0), 7), at: 329)
        put(octal(UInt64(device.1), 7), at: 337)
        put(octal(block.reduce(0) { $0 + UInt64($1) }, 6) + [0], at: 148)
        bytes += block
    }
}

func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
        &stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = bytes
    return [UInt8](unsafeUninitializedCapacity: Int(deflateBound(&stream, uLong(bytes.count)))) {
        room, count in
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = uInt(input.count)
            stream.next_out = room.baseAddress
            stream.avail_out = uInt(room.count)
            deflate(&stream, Z_FINISH)
            count = room.count - Int(stream.avail_out)
        }
    }
}

func zstd(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { room, count in
        count = ZSTD_compress(room.baseAddress, room.count, bytes, bytes.count, 3)
    }
}
