import KedastralCore
import Testing

@testable import KedastralCommandLine

@Suite("Verdict of a replay")
struct ReplayVerdictTests {
  private func verdict(
    _ podHours: Double, _ minutes: Double, _ ratio: Double?, isSwept: Bool = true
  ) -> String {
    ReplayVerdict(
      startup: .seconds(180), policy: "kedastral", knob: "u=0.7", podHours: podHours, minutes: minutes, ratio: ratio,
      isSwept: isSwept
    ).text
  }

  @Test("says in words what the numbers say")
  func words() {
    let begin = "kedastral against hpa at u=0.7, startup 3m: "
    #expect(
      verdict(0.8, 26.2, 0.36)
        == begin + "20 % fewer pod-hours, 26 min more short of pods; at equal pod-hours 64 % fewer minutes short.")
    #expect(
      verdict(1.123, -12, 1.5)
        == begin + "12 % more pod-hours, 12 min fewer short of pods; at equal pod-hours 50 % more minutes short.")
    #expect(
      verdict(1.001, 0.2, 1)
        == begin + "as many pod-hours, as many minutes short of pods; at equal pod-hours as many minutes short.")
    #expect(
      verdict(1.5, -3, nil)
        == begin + "50 % more pod-hours, 3 min fewer short of pods; "
        + "no shortage cost leads to as few pod-hours as hpa has.")
    #expect(verdict(1.5, -3, nil, isSwept: false) == begin + "50 % more pod-hours, 3 min fewer short of pods.")
    #expect(
      verdict(.nan, 0, nil, isSwept: false)
        == begin + "no pod-hours to compare with, as many minutes short of pods.")
  }
}
