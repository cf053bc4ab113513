import KedastralHTTP

/// The markup of reports that are one self-contained page: no script, no request, light and dark.
enum ReportMarkup {
  /// A document.
  static func page(title: String, lead: String, _ sections: [String]) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(title.escapedForMarkup)</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    <main>
    <h1>\(title.escapedForMarkup)</h1>
    <p class="lead">\(lead.escapedForMarkup)</p>
    \(sections.joined(separator: "\n"))
    </main>
    </body>
    </html>
    """
  }

  /// Large numbers, each with what it is.
  static func tiles(_ tiles: [(String, String)]) -> String {
    "<ul class=\"tiles\">\n"
      + tiles.map { "<li><b>\($0.0.escapedForMarkup)</b><span>\($0.1.escapedForMarkup)</span></li>" }
      .joined(separator: "\n") + "\n</ul>"
  }

  /// A cell with a number.
  static func number(_ text: String) -> String { "<td class=\"n\">\(text.escapedForMarkup)</td>" }

  /// A bar; `kind` is `hpa` or `plan`.
  static func bar(_ share: Double, _ kind: String) -> String {
    "<i class=\"\(kind)\" style=\"width:\((100 * share).text(1))%\"></i>"
  }

  private static let style = """
    :root {
      color-scheme: light dark;
      --ground: #f3f5f8; --card: #fff; --ink: #18212f; --quiet: #5a6679; --line: #dde3eb; --hpa: #8a94a5; --plan: #1a66d6;
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
    }
    @media (prefers-color-scheme: dark) {
      :root { --ground: #0e131a; --card: #171e28; --ink: #e6ebf3; --quiet: #98a5b8; --line: #2a3442; --hpa: #76839a; --plan: #6cabff; }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink); }
    main { max-width: 72rem; margin: 0 auto; padding: 2rem 1.2rem 3rem; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
    h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
    .lead { font-size: 1.1rem; margin: 0 0 1.2rem; max-width: 50rem; }
    .quiet { color: var(--quiet); font-size: .9rem; margin: 0 0 .6rem; }
    .tiles { list-style: none; display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem; margin: 0; padding: 0; }
    .tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; }
    .tiles b { display: block; font-size: 1.8rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
    .tiles span { color: var(--quiet); font-size: .9rem; }
    .wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
    table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: .5rem .8rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
    thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
    tbody tr:last-child > * { border-bottom: 0; }
    tbody th { font-weight: 600; }
    .n { text-align: right; white-space: nowrap; }
    .lines td, .lines th { white-space: nowrap; }
    .bars { min-width: 8rem; }
    .bars i { display: block; height: .45rem; margin: .12rem 0; border-radius: 2px; min-width: 2px; }
    .hpa { background: var(--hpa); } .plan { background: var(--plan); }
    .key { display: inline-block; width: .8rem; height: .6rem; border-radius: 2px; margin-left: .6rem; }
    .notes { padding-left: 1.1rem; margin: 0 0 .8rem; max-width: 50rem; } .notes li { margin: .25rem 0; }
    code { overflow-wrap: anywhere; }
    :focus-visible { outline: 2px solid var(--plan); outline-offset: 2px; }
    @media print { body { background: #fff; } .wide { overflow: visible; } }
    """
}

extension Double {
  /// A whole number with commas between thousands.
  var grouped: String {
    let text = text(0)
    let sign = text.hasPrefix("-") ? "-" : ""
    let digits = Array(text.dropFirst(sign.count))
    guard digits.allSatisfy(\.isNumber) else { return text }
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { grouped += "," }
      grouped.append(digit)
    }
    return sign + grouped
  }
}
