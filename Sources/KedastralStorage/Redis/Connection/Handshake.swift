/// What is said before a connection may be used: who we are, which database, and whether this server is the right one.
///
/// The commands leave together; their replies come back one by one.
struct Handshake: Equatable {
  /// How a reply moves the handshake on.
  enum Step: Equatable {
    /// More replies are to come.
    case waiting
    /// The connection may be used.
    case ready
    /// It may not, and why.
    case refused(String)
  }

  private enum Question { case authentication, database, role, greeting }

  /// What to send, in order.
  let commands: [RedisCommand]
  private let questions: [Question]
  private var answered = 0

  /// Plans a handshake.
  init(user: String?, password: String?, database: Int, requiresMaster: Bool) {
    var plan: [(Question, RedisCommand)] = []
    if let password {
      plan.append((.authentication, user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)))
    }
    if database > 0 { plan.append((.database, RedisCommand("SELECT", "\(database)"))) }
    if requiresMaster { plan.append((.role, RedisCommand("ROLE"))) }
    plan.append((.greeting, RedisCommand("PING")))
    questions = plan.map(\.0)
    commands = plan.map(\.1)
  }

  /// Takes the next reply.
  mutating func receive(_ reply: RESPValue) -> Step {
    guard answered < questions.count else { return .ready }
    let question = questions[answered]
    answered += 1
    if let error = reply.errorText {
      // A user who may not ask for the role or ping has been let in all the same.
      let isForbiddenQuestion = error.hasPrefix("NOPERM") && (question == .role || question == .greeting)
      if !isForbiddenQuestion { return .refused(Self.explain(error, question)) }
    } else if question == .role, let role = reply.elements?.first?.text, role != "master" {
      return .refused("it is not a master (its role is \(role))")
    }
    return answered == questions.count ? .ready : .waiting
  }

  private static func explain(_ error: String, _ question: Question) -> String {
    switch question {
    case .authentication: "it does not accept the user and password: \(error)"
    case .database: "it does not give the database: \(error)"
    case .role, .greeting: error.hasPrefix("NOAUTH") ? "it wants a password, and none is set: \(error)" : error
    }
  }
}
