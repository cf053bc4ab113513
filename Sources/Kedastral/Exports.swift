// One import for programs that run a service.
@_exported import KedastralCore
@_exported import KedastralModels
@_exported import KedastralSources
