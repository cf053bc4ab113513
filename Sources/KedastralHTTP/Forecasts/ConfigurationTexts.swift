import KedastralCore

/// Writes a workload's settings as text to copy from the page.
///
/// The host that read the configuration is the natural one to conform.
package protocol ConfigurationTexts: Sendable {
  /// The workload as a configuration file (YAML), with `tuning` in place of its own settings; nil for an unknown workload.
  func configurationFile(of workload: WorkloadName, _ tuning: PlanTuning) -> String?

  /// The KEDA ScaledObject (YAML) that goes with it, with `tuning`'s lead time, mode and selection in its trigger; nil for an
  /// unknown workload.
  func scaledObject(of workload: WorkloadName, _ tuning: PlanTuning) -> String?
}
