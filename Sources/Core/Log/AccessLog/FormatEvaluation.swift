/// Evaluates operators for one record, straight into the record's buffer.
struct FormatEvaluation {
    let type: AccessLogType
    let now: Instant

    /// What an operator wrote.
    enum Written {
        /// Nothing: `-` in text, null in JSON.
        case missing
        case text
        case number
        /// JSON already: a metadata object, list, number or boolean.
        case json
    }

    func write(
        _ step: FormatStep, _ info: inout StreamInfo, to out: inout [UInt8], _ scratch: inout FormatScratch
    ) -> Written {
        let start = out.count
        let written = write(step.op, &info, to: &out, &scratch)
        if let limit = step.maxBytes, out.count - start > limit { out.removeLast(out.count - start - limit) }
        return written
    }

    private func write(
        _ op: FormatOperator, _ info: inout StreamInfo, to out: inout [UInt8], _ scratch: inout FormatScratch
    ) -> Written {
        switch op {
        case .absent: return .missing
        case .emptyText: return .text
        case .zero:
            out.append(UInt8(ascii: "0"))
            return .number
        case .constant(let text):
            out.append(contentsOf: text.utf8)
            return .text
        case .field(let field): return write(field, &info, to: &out)
        case .http(let field): return write(field, &info, to: &out)
        case .startTime(let format):
            format.write(wallNS: info.startWallNS, to: &out, &scratch)
            return .text
        case .emitTime(let format):
            // The wall clock may have been set since the start; the distance by the monotonic one may not.
            format.write(wallNS: info.startWallNS &+ now.nanoseconds(since: info.startTime), to: &out, &scratch)
            return .text
        case .commonDuration(let start, let end, let unitNS):
            guard let from = point(start, &info), let to = point(end, &info), from <= to else { return .missing }
            out.appendDecimal(to.nanoseconds(since: from) / unitNS)
            return .number
        case .metadata(let source, let filter, let path):
            guard let metadata = metadata(source, &info) else { return .missing }
            return write(metadata, filter, path, to: &out)
        case .filterState(let key, let isUpstream, let isPlain):
            guard let details = info.existingDetails,
                let text = (isUpstream ? details.upstreamFilterState : details.filterState)[key]
            else { return .missing }
            if isPlain {
                out.append(contentsOf: text.utf8)
                return .text
            }
            out.appendJSON(text)
            return .json
        case .streamID:
            let details = info.details
            if details.streamID == nil {
                let start = out.count
                scratch.writeUUID(to: &out)
                details.streamID = String(decoding: out[start...], as: UTF8.self)
            } else if let id = details.streamID {
                out.append(contentsOf: id.utf8)
            }
            return .text
        case .uniqueID:
            scratch.writeUUID(to: &out)
            return .text
        case .coalesce(let steps):
            for step in steps {
                let start = out.count
                let written = write(step, &info, to: &out, &scratch)
                if written != .missing, out.count > start || written == .number { return written }
            }
            return .missing
        }
    }

    // MARK: Sources

    private func point(_ name: String, _ info: inout StreamInfo) -> Instant? {
        // The stream begins when its first byte could be read.
        if name == StreamDetails.TimePoint.downstreamReceiveBegin.rawValue { return info.startTime }
        return info.existingDetails?.timePoints.first { $0.name == name }?.time
    }

    private func metadata(_ source: MetadataSource, _ info: inout StreamInfo) -> Metadata? {
        guard let details = info.existingDetails else { return nil }
        switch source {
        case .dynamic: return details.dynamicMetadata
        case .cluster: return details.clusterMetadata
        case .route: return details.routeMetadata
        case .upstreamHost: return details.upstreamHostMetadata
        case .listener: return details.listenerMetadata
        case .filterChain: return details.filterChainMetadata
        case .virtualHost: return nil
        }
    }

    private func write(_ metadata: Metadata, _ filter: String, _ path: [String], to out: inout [UInt8]) -> Written {
        guard var value = metadata.filterMetadata[filter] else { return .missing }
        for key in path {
            guard let next = value[key] else { return .missing }
            value = next
        }
        switch value {
        case .null: return .missing
        case .string(let text):
            out.append(contentsOf: text.utf8)
            return .text
        default:
            out.appendJSON(value)
            return .json
        }
    }
}
