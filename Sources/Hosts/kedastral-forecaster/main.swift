import Glibc
import KedastralDaemon

exit(await ForecasterHost.main(Array(CommandLine.arguments.dropFirst())))
