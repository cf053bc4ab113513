// A model that runs in a service of its own, and what stands in when that is unavailable.
import Kedastral

// snippet.show
let model = try RemoteModel(url: "http://127.0.0.1:8082", fallback: SeasonalBaseline(), timeout: .seconds(10))
// snippet.hide
print(model.name)
