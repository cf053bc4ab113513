import Foundation
import TestSupport
import Testing

/// `scripts/bench-accuracy` with a double of the program, which answers as `backtest` and `replay` do.
@Suite("scripts/bench-accuracy")
struct BenchAccuracyTests {
  private static let program = """
    #!/bin/sh
    case "$*" in
    *backtest*--window*)
      mase=0.8; case "$*" in
      *"--window 1h"*"--model ets"*) echo "kedastral backtest: not enough history: 7 samples, at least 11 required" >&2; exit 1;;
      *"--model arima"*) mase=1.6;; *"--model theta"*) mase=0.4;; *"--model ets"*) mase=0.2;;
      esac
      echo '{"results": [{"trace": "a-5m", "mase": '$mase'}]}'
    ;;
    *backtest*--horizon*) cat <<'END'
    {"results": [
      {"trace": "a-5m", "model": "auto", "mase": 0.5, "pinball": {"0.9": 0.1}},
      {"trace": "a-5m", "model": "baseline", "mase": 1.0, "pinball": {"0.9": 0.2}},
      {"trace": "a-5m", "model": "seasonal-naive", "mase": 2.0, "pinball": {}}]}
    END
    ;;
    *backtest*--json) cat <<'END'
    {"results": [
      {"trace": "a-5m", "mase": 0.8, "pinball": {"0.9": 0.3}, "coverage": {"0.9": 0.9}},
      {"trace": "b.long", "mase": 0.5, "pinball": {"0.9": 0.1}, "coverage": {"0.9": 0.8}},
      {"trace": "still-5m", "mase": null, "pinball": {"0.9": null}, "coverage": {"0.9": 1.0}},
      {"trace": "new-5m", "mase": 1.0, "pinball": {"0.9": 1.0}, "coverage": {"0.9": 1.0}}]}
    END
    ;;
    *replay*)
      minutes=9; case "$*" in *"--interpolation linear"*) minutes=4;; esac
      echo '{"equalPodHours": ['
      for seconds in 60 180; do for knob in 0.6 0.7 0.8 0.9; do
        for policy in kedastral reference hpa-unready persistence extrapolation; do
          own=19; ratio=1; if [ $policy = kedastral ]; then own=$minutes; ratio=0.5; fi
          echo '{"trace": "a-5m", "policy": "'$policy'", "hpa": "u='$knob'", "startupSeconds": '$seconds','
          echo '"hpaViolationMinutes": 19, "violationMinutes": '$own', "ratio": '$ratio'},'
        done
      done; done
      echo '{"trace": "a-5m", "policy": "kedastral", "hpa": "u=1", "startupSeconds": 1, "ratio": null}]}'
    ;;
    *) echo "the table of $*" ;;
    esac
    """

  private func run(_ arguments: String..., anchors: String? = nil) async throws -> String {
    let folder = try TemporaryFolder()
    // By a process of its own: a program that this process writes is "busy" while a child that it forks has the file open.
    let program = folder.url.appendingPathComponent("program").path
    let install = try ChildProcess("install", "-m", "755", try folder.write(Self.program, to: "program.sh"), program)
    try #require(try await install.waitForExit() == 0, "\(install.output)")
    _ = try folder.write("0,1\n864000,1\n", to: "a-5m.csv")
    var options = ["--kedastral", program] + arguments
    if let anchors { options += ["--anchors", try folder.write(anchors, to: "anchors.json")] }
    let script = Repository.root.appendingPathComponent("scripts/bench-accuracy").path
    let process = try ChildProcess(Repository.python, arguments: [script, folder.url.path] + options)
    let code = try await process.waitForExit()
    try #require(code == 0, "\(process.output)")
    return process.output
  }

  @Test("compares auto with simple models while there is little history, without those for which it is too little")
  func young() async throws {
    let output = try await run("--parts", "young")
    #expect(output.contains("| 1h | 0.500 | – | 2.000 | **2.000** | 2.00 (a-5m) |"), "\(output)")
    #expect(output.contains("| 30h | 0.500 | 4.000 | 2.000 | **4.000** | 4.00 (a-5m) |"), "\(output)")
  }

  @Test("compares models with repeating the last season at long horizons")
  func horizons() async throws {
    let output = try await run("--parts", "horizons")
    for horizon in ["4h", "24h"] {
      #expect(output.contains("### Accuracy \(horizon) ahead, 1 traces of ten days or more"), "\(output)")
    }
    #expect(output.contains("| a-5m | 0.500 | 0.100 | 1.000 | 0.200 | 2.000 | – |"), "\(output)")
    #expect(output.contains("| divided by seasonal-naive | 0.250 | – | 0.500 | – | 1.000 | – |"), "\(output)")
  }

  @Test("compares auto with the best peer on each trace, for each measure, and reports geometric means")
  func anchors() async throws {
    let output = try await run(
      "--parts", "accuracy",
      anchors: """
        {"a-5m": {"theta": {"mase": 1.0, "pinball0.9": 0.2}, "ets": {"mase": 1.6, "pinball0.9": 0.1}},
         "b": {"theta": {"mase": 2.0, "pinball0.9": 0.3}, "ets": {"mase": null}}, "still-5m": {"ets": {"mase": 0.0}}}
        """)
    #expect(
      output.contains("| a-5m | 0.800 | 1.000 (theta) | 0.800 | 0.300 | 0.100 (ets) | 3.000 | 0.900 |"), "\(output)")
    #expect(output.contains("| b | 0.500 | 2.000 (theta) | 0.250 | 0.100 | 0.300 (theta) | 0.333 | 0.800 |"))
    #expect(output.contains("| still-5m | – | 0.000 (ets) | – | – | – (–) | – | 1.000 |"))
    // √(0.8 · 0.25) and √(3 · ⅓).
    #expect(output.contains("| **geometric mean** | | | **0.447** | | | **1.000** | 0.900 |"))
    #expect(output.contains("| largest ratio, smallest coverage | | | 0.800 (a-5m) | | | 3.000 (a-5m) | 0.800 |"))
    #expect(output.contains("Without results of peers: new-5m."))
  }

  @Test("without results of peers, only the models' table is printed, with the windows of the published tables")
  func noAnchors() async throws {
    let output = try await run("--parts", "accuracy")
    #expect(output.contains("--protocol published --model auto baseline -o markdown"))
    #expect(!output.contains("best of all peers"))
  }

  @Test("prints the outcome with held steps before that with linear ones, and the controls of each")
  func outcome() async throws {
    let output = try await run("--parts", "outcome")
    let parts = output.components(separatedBy: "#### Steps of more than a minute: ")
    try #require(parts.count == 3, "\(output)")
    #expect(parts[1].hasPrefix("hold\n") && parts[2].hasPrefix("linear\n"))
    for control in ["hpa-unready", "persistence", "extrapolation"] {
      #expect(parts[1].contains("| \(control) | 1.000 | 0.500 |"))
      #expect(parts[2].contains("| \(control) | 1.000 | 0.250 |"))
    }
  }
}
