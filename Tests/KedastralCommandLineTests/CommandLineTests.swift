import Foundation
import TestSupport
import Testing

@Suite("Command line of the hosts")
struct CommandLineTests {
  @Test(
    "--help has examples, --version prints the version",
    arguments: ["kedastral", "kedastral-forecaster", "kedastral-scaler"])
  func helpAndVersion(program: String) async throws {
    let help = try await Daemon.run(program, program == "kedastral" ? ["run", "--help"] : ["--help"])
    #expect(help.exitCode == 0)
    #expect(help.output.contains("Examples:") && help.output.contains("-log-level"))
    let version = try await Daemon.run(program, ["--version"])
    #expect(version.exitCode == 0)
    #expect(version.output.hasPrefix("\(program) ") && version.output.split(separator: "\n").count == 1)
  }

  @Test("the program's own help lists its commands on one screen")
  func overview() async throws {
    let help = try await Daemon.run("kedastral", ["--help"])
    #expect(help.exitCode == 0)
    #expect(help.output.contains("kedastral run --help lists the settings"))
    #expect(help.output.split(separator: "\n").count < 30)
  }

  @Test("an unknown flag is reported alone, not what its misspelling leaves missing")
  func unknownFlag() async throws {
    for (arguments, problem) in [
      (["-wrkload=api"], "unknown flag -wrkload; did you mean -workload?"),
      (
        ["-workload=api", "-metric=rps", "-adaptr-query=up"],
        "unknown flag -adaptr-query; did you mean -adapter-query?"
      ),
    ] {
      let run = try await Daemon.run("kedastral", ["run"] + arguments)
      #expect(run.exitCode == 2)
      #expect(run.output == "kedastral run: \(problem)\nsee kedastral run --help\n")
    }
  }

  @Test("invalid settings exit with 2 and one line for each with the flag and what is expected")
  func badSettings() async throws {
    let run = try await Daemon.run(
      "kedastral-forecaster",
      [
        "-workload=api", "-metric=rps", "-adapter-url=http://127.0.0.1:1", "-adapter-query=up", "-target-per-pod=-5",
        "-min=9", "-max=3", "-model=crystal-ball",
      ])
    #expect(run.exitCode == 2)
    for part in ["-target-per-pod", "-min", "crystal-ball", "baseline", "see kedastral-forecaster --help"] {
      #expect(run.output.contains(part), "\(part) in \(run.output)")
    }
    let unknown = try await Daemon.run("kedastral-scaler", ["-lead-tim=5m"])
    #expect(unknown.exitCode == 2)
    #expect(unknown.output.contains("-lead-time"))
  }

  @Test("rejects two workloads with one name, with both positions")
  func sameName() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      """
      defaults:
        source: {type: prometheus, url: http://127.0.0.1:1, query: up}
        metric: rps
      workloads:
        - name: api-app
        - name: api-app
      """, to: "kedastral.yaml")
    let run = try await Daemon.run("kedastral", ["-config", file])
    #expect(run.exitCode == 2)
    #expect(run.output.contains("kedastral.yaml:6") && run.output.contains("already a workload 'api-app'"))
  }

  @Test("a time zone that the system does not know is an error that names it")
  func unknownTimeZone() async throws {
    let run = try await Daemon.run(
      "kedastral-forecaster",
      [
        "-listen=127.0.0.1:0", "-workload=w", "-metric=m", "-adapter-url=http://127.0.0.1:1", "-adapter-query=up",
        "-time-zone=Europe/Atlantis",
      ])
    #expect(run.exitCode == 2)
    #expect(run.output.contains("the time zone 'Europe/Atlantis'"), "\(run.output)")
  }

  @Test("a port in use is an error that names the address")
  func portInUse() async throws {
    let port = freePort()
    let holder = try ChildProcess("python3", "-m", "http.server", "--bind", "127.0.0.1", "\(port)")
    try await eventually("the port to be taken") { await Daemon.get(port, "/").status == 200 }
    let scaler = try await Daemon.run(
      "kedastral-scaler", ["-listen", "127.0.0.1:\(port)", "-http-listen", "127.0.0.1:0"])
    #expect(scaler.exitCode == 1)
    #expect(
      scaler.output.contains(
        "kedastral-scaler: cannot listen on 127.0.0.1:\(port): the port is in use by another process"))
    let forecaster = try await Daemon.run(
      "kedastral-forecaster",
      [
        "-listen", "127.0.0.1:\(port)", "-workload=w", "-metric=m", "-adapter-url=http://127.0.0.1:1",
        "-adapter-query=up",
      ])
    #expect(forecaster.exitCode == 1)
    #expect(forecaster.output.contains("cannot listen on 127.0.0.1:\(port)"))
    holder.kill()
  }
}
