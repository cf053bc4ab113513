import Glibc
import KedastralDaemon

exit(await ScalerHost.main(Array(CommandLine.arguments.dropFirst())))
