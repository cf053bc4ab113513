import Glibc
import KedastralHosting

exit(await ForecasterHost.main(Array(CommandLine.arguments.dropFirst())))
