import FoundationEssentials
import Glibc

let environment = Environment(ProcessInfo.processInfo.environment)
do {
  switch CommandLine.arguments.dropFirst() {
  case ["app"]: try await DemoApp(environment).run()
  case ["load"]: try await LoadGenerator(environment).run()
  case ["history"]: try LoadHistory(environment).write()
  default:
    Output.say(
      """
      multi-app-demo: an application that counts its requests, and what loads it. Settings are environment variables.

        multi-app-demo app      answers GET / and shows api_requests_total on /metrics
          LISTEN :8080 · APP_NAME app · POD_NAMESPACE default
        multi-app-demo load     sends requests by a course of load
          TARGET_URL · PATTERN (\(LoadCourse.patternNames)) · BASE_RPS 50 · PEAK_RPS 500 · PERIOD 1h (of the sine wave)
          SPEED 1 (seconds of the course in one second) · CLOCK_START (what the course's clock shows at CLOCK_ORIGIN; now)
          CLOCK_ORIGIN (RFC 3339, now) · LISTEN :8080 for /metrics and probes
        multi-app-demo history  prints what a scrape of the application would have seen before CLOCK_ORIGIN, as OpenMetrics
          the variables of both, and HISTORY 2d (of the course's time), SCRAPE_INTERVAL 15s (of the course's time)
      """)
    exit(
      CommandLine.arguments.count == 2 && ["help", "-h", "-help", "--help"].contains(CommandLine.arguments[1]) ? 0 : 2)
  }
} catch {
  Output.complain("\(error)")
  exit(1)
}
