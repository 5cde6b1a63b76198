// Whoever reads a message's fields also reads wrappers, durations and Anys: these come along with this module.
@_exported public import SwiftProtobuf
