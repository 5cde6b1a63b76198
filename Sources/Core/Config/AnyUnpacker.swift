// From a google.protobuf.Any to a typed message.
package import SwiftProtobuf

package enum AnyUnpacker {
    /// The message name after the last slash of the type URL.
    package static func typeName(of any: Google_Protobuf_Any) -> String {
        let url = any.typeURL
        return String(url[(url.lastIndex(of: "/").map(url.index(after:)) ?? url.startIndex)...])
    }

    /// Whether the Any holds this message.
    package static func holds<M: Message>(_ any: Google_Protobuf_Any, _ type: M.Type) -> Bool {
        typeName(of: any) == M.protoMessageName
    }

    /// The message inside, or nil when the type URL names another or the bytes are not one. Anys that came through the
    /// loader are well-formed, so there nil means another type.
    package static func unpack<M: Message>(_ any: Google_Protobuf_Any, as type: M.Type = M.self) -> M? {
        guard holds(any, type) else { return nil }
        return try? M(serializedBytes: any.value, partial: true, options: decodingOptions)
    }

    /// Struct nests three wire levels for one of YAML.
    static var decodingOptions: BinaryDecodingOptions {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 250
        return options
    }
}

extension Google_Protobuf_Any {
    /// Packs a message under Envoy's usual type URL prefix.
    package init(packing message: some Message) {
        self.init()
        typeURL = ExtensionCatalog.typeURLPrefix + Swift.type(of: message).protoMessageName
        value = (try? message.serializedBytes(partial: true)) ?? value
    }
}
