/// Calls: from headers and data to a method, and its answer back.
extension GRPCConnection {
  // MARK: Requests

  /// A request's headers have arrived.
  func received(_ call: GRPCCall) {
    lastCallAt = lastInputAt
    call.connection = self
    if call.headerBytes > limits.headerBytes {
      server.refused(.headerSize, "headers of \(call.headerBytes) bytes")
      refuse(call, httpStatus: 431, "the headers are over the limit of \(limits.headerBytes) bytes\n")
    } else if !call.head.isPost {
      refuse(call, httpStatus: 405, "this is a gRPC server; use POST\n")
    } else if !call.head.isGRPC {
      refuse(call, httpStatus: 415, "this is a gRPC server; send content-type: application/grpc\n")
    } else if let text = call.head.malformedTimeout {
      fail(
        call,
        GRPCStatus(
          .invalidArgument, "invalid grpc-timeout '\(text)'; write up to 8 digits and one of H M S m u n"))
    } else if call.head.entry == nil {
      fail(call, GRPCStatus(.unimplemented, "unknown method \(call.head.path ?? "")"))
    }
  }

  func received(data: RawSpan, of call: GRPCCall) {
    guard call.ending == .none, let entry = call.head.entry else { return }
    do throws(GRPCStatus) {
      try call.deframer.append(data)
      if case .bidirectional(let handler) = entry.handler {
        while let message = try call.deframer.next() { try hand(message, of: call, to: handler) }
      }
      account(for: call, bytes: call.deframer.pendingCount)
      if bufferedBytes > limits.bufferedBytesPerConnection {
        server.refused(.bufferedBytes, "\(bufferedBytes) bytes of unfinished requests")
        throw GRPCStatus(.resourceExhausted, "the connection's unfinished requests are over the limit")
      }
    } catch {
      if error.code == .resourceExhausted { server.refused(.messageSize, error.message) }
      fail(call, error)
    }
  }

  /// Keeps the sum of what unfinished requests hold.
  private func account(for call: GRPCCall, bytes: Int) {
    bufferedBytes += bytes - call.accountedBytes
    call.accountedBytes = bytes
  }

  func receivedEnd(of call: GRPCCall) {
    call.hasWholeRequest = true
    guard call.ending == .none, let entry = call.head.entry else { return }
    do throws(GRPCStatus) {
      if let deadline = call.deadline, deadline <= .now {
        throw GRPCStatus(.deadlineExceeded, "the request arrived after its deadline")
      }
      switch entry.handler {
      case .unary(let handler):
        let message = try onlyMessage(of: call)
        try answer(call, message, handler)
        entry.metrics.observe(call.startedAt.duration(to: .now))
      case .serverStreaming(let handler):
        try hand(onlyMessage(of: call), of: call, to: handler)
      case .bidirectional:
        guard call.deframer.pendingCount == 0 else { throw Self.truncated }
        call.finish(.ok)
      }
    } catch {
      fail(call, error)
    }
  }

  private static let truncated = GRPCStatus(.invalidArgument, "the request ends inside a message")

  private func onlyMessage(of call: GRPCCall) throws(GRPCStatus) -> MessageDeframer.Message {
    guard let message = try call.deframer.next() else {
      throw call.deframer.pendingCount == 0
        ? GRPCStatus(.invalidArgument, "the request has no message; this method expects one") : Self.truncated
    }
    guard call.deframer.pendingCount == 0 else {
      throw GRPCStatus(.invalidArgument, "the request has more than one message; this method expects one")
    }
    return message
  }

  private func answer(
    _ call: GRPCCall, _ message: MessageDeframer.Message,
    _ handler: (RawSpan, inout [UInt8], inout GRPCFields) throws(GRPCStatus) -> Void
  ) throws(GRPCStatus) {
    let (bytes, range) = try content(of: message, of: call)
    try call.append { output throws(GRPCStatus) in
      try handler(bytes.span.bytes.extracting(range), &output, &call.trailers)
    }
    guard call.pendingOutput - MessageDeframer.prefixLength <= limits.messageBytes else {
      throw MessageDeframer.tooLong(call.pendingOutput, maximum: limits.messageBytes)
    }
    call.end(.status(.ok))
    call.hasBegunAnswer = true
    session?.beginAnswer(to: call)
  }

  private func hand(
    _ message: MessageDeframer.Message, of call: GRPCCall,
    to handler: (RawSpan, GRPCCall) throws(GRPCStatus) -> Void
  ) throws(GRPCStatus) {
    let (bytes, range) = try content(of: message, of: call)
    try handler(bytes.span.bytes.extracting(range), call)
  }

  /// A message's bytes, unpacked where it was compressed.
  private func content(
    of message: MessageDeframer.Message, of call: GRPCCall
  ) throws(GRPCStatus) -> ([UInt8], Range<Int>) {
    guard message.isCompressed else { return (call.deframer.bytes, message.range) }
    switch call.head.encoding {
    case .gzip:
      let packed = call.deframer.bytes
      let plain = try Gzip.decompress(
        packed.span.bytes.extracting(message.range), maximumLength: limits.messageBytes)
      return (plain, plain.indices)
    case .identity:
      throw GRPCStatus(.internal, "a message is compressed, but the call has no grpc-encoding")
    case .unknown(let name):
      throw GRPCStatus(.unimplemented, "grpc-encoding '\(name)' is not supported; use gzip or identity")
    }
  }

  // MARK: Answers

  /// Ends a call with an error, and drops messages that have not left.
  func fail(_ call: GRPCCall, _ status: GRPCStatus) {
    guard call.ending == .none, !call.isClosed else { return }
    call.dropOutput()
    call.end(.status(status))
    hasNews(call)
  }

  private func refuse(_ call: GRPCCall, httpStatus: Int, _ text: String) {
    call.append(text: text)
    call.end(.http)
    call.hasBegunAnswer = true
    session?.answer(call, httpStatus: httpStatus)
  }

  /// A call has more to send, or has ended.
  func hasNews(_ call: GRPCCall) {
    guard let session else { return }
    if call.hasBegunAnswer {
      session.resumeAnswer(to: call)
    } else {
      call.hasBegunAnswer = true
      if call.pendingOutput == 0, case .status(let status) = call.ending {
        session.answer(call, status: status)
      } else {
        session.beginAnswer(to: call)
      }
    }
    if !isReceiving { server.scheduleFlush(of: self) }
  }

  func closed(_ call: GRPCCall) {
    guard !call.isClosed else { return }
    account(for: call, bytes: 0)
    idleFrames.give(2)
    switch call.ending {
    case .status(let status): (call.head.entry?.metrics ?? metrics.unknownMethod).count(status.code)
    case .none: (call.head.entry?.metrics ?? metrics.unknownMethod).count(.cancelled)
    case .http: metrics.unknownMethod.count(.unknown)
    }
    call.close()
    call.dropOutput()
    var storage: [UInt8] = []
    call.exchangeOutputStorage(&storage)
    buffers.giveBack(storage)
    buffers.giveBack(call.deframer.takeBuffer())
  }
}
