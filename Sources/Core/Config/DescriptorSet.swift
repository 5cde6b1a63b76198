// Reads the parts of a serialized google.protobuf.FileDescriptorSet that the schema needs. By hand: the general decoder
// would take several milliseconds of every start for parts that nobody looks at.
// Source: google/protobuf/descriptor.proto (field numbers).

/// One field as described.
struct FieldDescriptor {
    var name = ""
    var jsonName = ""
    var number = 0
    /// FieldDescriptorProto.Type.
    var type: UInt64 = 0
    /// Without the leading dot.
    var typeName = ""
    var isRepeated = false
    var isDeprecated = false
    /// The word `optional`; the field is then alone in a choice group.
    var isOptional = false
    var oneof: Int?
    /// Where the rules stand in the bytes.
    var rules: Range<Int>?
}

/// One message as described.
struct MessageDescriptor {
    var fullName = ""
    var fields: [FieldDescriptor] = []
    var oneofs: [OneofSchema] = []
    var reservedNames: [String] = []
    var reservedNumbers: [Range<Int>] = []
    var isMapEntry = false
}

/// All messages and enums of a descriptor set, nested ones too.
struct DescriptorSet {
    /// The number of our options in `api/sluice/validate/v1/rules.proto`.
    private static let rulesNumber = 51_002

    let bytes: [UInt8]
    private(set) var messages: [MessageDescriptor] = []
    private(set) var enums: [EnumSchema] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var reader = WireReader(bytes)
        while let file = reader.next() {
            if file.number == 1 { readFile(file.range) }
        }
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    private mutating func readFile(_ range: Range<Int>) {
        var package = ""
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            if part.number == 2 { package = text(part.range) + "." }
        }
        // The description of descriptions is only there for our options.
        if package == "google.protobuf.", range.count > 4_000 { return }
        reader = WireReader(bytes, range)
        while let part = reader.next() {
            if part.number == 4 { readMessage(part.range, package) }
            if part.number == 5 { readEnum(part.range, package) }
        }
    }

    private mutating func readMessage(_ range: Range<Int>, _ prefix: String) {
        var message = MessageDescriptor()
        var nested: [(isEnum: Bool, range: Range<Int>)] = []
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            switch part.number {
            case 1: message.fullName = prefix + text(part.range)
            case 2: message.fields.append(field(part.range))
            case 3: nested.append((false, part.range))
            case 4: nested.append((true, part.range))
            case 7: message.isMapEntry = flag(7, part.range)
            case 8: message.oneofs.append(oneof(part.range))
            case 9:
                let (start, end) = bounds(part.range)
                message.reservedNumbers.append(start..<max(start, end))
            case 10: message.reservedNames.append(text(part.range))
            default: break
            }
        }
        messages.append(message)
        for (isEnum, range) in nested {
            if isEnum {
                readEnum(range, message.fullName + ".")
            } else {
                readMessage(range, message.fullName + ".")
            }
        }
    }

    private func field(_ range: Range<Int>) -> FieldDescriptor {
        var field = FieldDescriptor()
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            switch part.number {
            case 1: field.name = text(part.range)
            case 3: field.number = Int(truncatingIfNeeded: part.scalar)
            case 4: field.isRepeated = part.scalar == 3
            case 5: field.type = part.scalar
            case 6: field.typeName = text(part.range.dropFirst())
            case 8:
                field.isDeprecated = flag(3, part.range)
                field.rules = find(Self.rulesNumber, part.range)
            case 9: field.oneof = Int(truncatingIfNeeded: part.scalar)
            case 10: field.jsonName = text(part.range)
            case 17: field.isOptional = part.scalar != 0
            default: break
            }
        }
        return field
    }

    private func oneof(_ range: Range<Int>) -> OneofSchema {
        var oneof = OneofSchema(name: "", isRequired: false)
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            if part.number == 1 { oneof.name = text(part.range) }
            if part.number == 2, let rules = find(Self.rulesNumber, part.range) { oneof.isRequired = flag(1, rules) }
        }
        return oneof
    }

    private mutating func readEnum(_ range: Range<Int>, _ prefix: String) {
        var found = EnumSchema(fullName: "", values: [], reservedNames: [], reservedNumbers: [])
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            switch part.number {
            case 1: found.fullName = prefix + text(part.range)
            case 2:
                var name = ""
                var number: Int32 = 0
                var value = WireReader(bytes, part.range)
                while let piece = value.next() {
                    if piece.number == 1 { name = text(piece.range) }
                    if piece.number == 2 { number = Int32(truncatingIfNeeded: piece.scalar) }
                }
                found.values.append((name, number))
            case 4:
                let (start, end) = bounds(part.range)
                found.reservedNumbers.append(
                    Int32(truncatingIfNeeded: start)...Int32(truncatingIfNeeded: max(start, end)))
            case 5: found.reservedNames.append(text(part.range))
            default: break
            }
        }
        enums.append(found)
    }

    private func bounds(_ range: Range<Int>) -> (start: Int, end: Int) {
        var out = (start: 0, end: 0)
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            if part.number == 1 { out.start = Int(truncatingIfNeeded: part.scalar) }
            if part.number == 2 { out.end = Int(truncatingIfNeeded: part.scalar) }
        }
        return out
    }

    private func flag(_ number: Int, _ range: Range<Int>) -> Bool {
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            if part.number == number { return part.scalar != 0 }
        }
        return false
    }

    private func find(_ number: Int, _ range: Range<Int>) -> Range<Int>? {
        var reader = WireReader(bytes, range)
        while let part = reader.next() {
            if part.number == number { return part.range }
        }
        return nil
    }
}
