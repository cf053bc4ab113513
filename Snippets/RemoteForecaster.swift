// A model that runs in a separate service, with a fallback for when the service is unavailable.
import KedastralCore
import KedastralModels
import KedastralNet
import KedastralSources

let client = try HTTPClient(on: EventLoop())
// snippet.show
let model = RemoteModel(
  endpoint: HTTPEndpoint("http://127.0.0.1:8082", deadline: .seconds(10)), fallback: SeasonalBaseline(), client: client)
// snippet.hide
print(model.name)
await client.close()
